//! Words for a person: printed at once, and never a reason to stop when nobody reads them (`make status | head`).

/// Prints a line; a closed pipe is nobody's mistake.
macro_rules! say {
    () => { $crate::words::line(format_args!("")) };
    ($($argument:tt)*) => { $crate::words::line(format_args!($($argument)*)) };
}

pub(crate) use say;

pub(crate) fn line(text: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _closed = writeln!(out, "{text}").and_then(|()| out.flush());
}
