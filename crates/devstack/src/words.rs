//! Lines for a person on standard output.
//! The rule it keeps: a line is printed at once, and a closed pipe (`make status | head`) is not an error.

/// Prints a line, formatted like `println!`.
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
