//! The numbers that `status` shows, from a metrics page in Prometheus's text format.

/// The sum over all series of a metric; none if the page has no such series.
pub(crate) fn sum(page: &str, metric: &str) -> Option<f64> {
    series(page, metric).map(|(_, value)| value).reduce(|one, two| one + two)
}

/// The largest value of all series of a metric; none if the page has no such series.
pub(crate) fn largest(page: &str, metric: &str) -> Option<f64> {
    series(page, metric).map(|(_, value)| value).reduce(f64::max)
}

fn series<'a>(page: &'a str, metric: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
    page.lines().filter(|line| !line.starts_with('#')).filter_map(move |line| {
        let rest = line.strip_prefix(metric)?;
        // Labels or a space follow; otherwise it is another metric whose name begins with this one.
        let (labels, value) = if let Some(labelled) = rest.strip_prefix('{') {
            labelled.rsplit_once('}')?
        } else {
            ("", rest.strip_prefix(' ')?)
        };
        let value: f64 = value.split_whitespace().next()?.parse().ok()?;
        value.is_finite().then_some((labels, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP consumer_lag x\n# TYPE consumer_lag gauge\n\
        consumer_lag{topic=\"a b}\"} 3\nconsumer_lag{topic=\"b\"} 4 1700000000\nconsumer_lag_other 100\n\
        outbox_pending 7\nbroken NaN\n";

    #[test]
    fn series_of_one_metric_are_added_up_and_others_are_not_mistaken_for_it() {
        assert_eq!(sum(PAGE, "consumer_lag"), Some(7.0));
        assert_eq!(largest(PAGE, "consumer_lag"), Some(4.0));
        assert_eq!(sum(PAGE, "outbox_pending"), Some(7.0));
        assert_eq!(sum(PAGE, "missing"), None);
        assert_eq!(sum(PAGE, "broken"), None);
    }
}
