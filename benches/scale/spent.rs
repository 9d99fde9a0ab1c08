//! What a process has used so far, from Linux's process table.

use std::time::Duration;

/// The CPU time, in steps of 10 ms. On a shared machine it says more than elapsed time.
pub fn cpu_time(pid: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("its figures");
    let (_, figures) = text.rsplit_once(") ").expect("a name before");
    let ticks = figures.split(' ').skip(11).take(2);
    let ticks: u64 = ticks.map(|it| it.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

/// The number of write calls.
pub fn write_calls(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/io")).expect("its figures");
    let line = text.lines().find_map(|line| line.strip_prefix("syscw: "));
    let calls = line.and_then(|calls| calls.trim().parse().ok());
    calls.expect("a number")
}
