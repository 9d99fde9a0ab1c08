//! The program: arguments to calls. Standard output is for answers, logs go to standard error.

fn main() {}
