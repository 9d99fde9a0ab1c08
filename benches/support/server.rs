//! The program as a separate process, so that its memory and CPU time can be measured. Dropping [`Server`] kills it.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

pub struct Server {
    child: Child,
    pub pid: u32,
    pub address: String,
}

impl Server {
    /// Starts the process and waits until it listens.
    pub fn start(settings: &[(&'static str, String)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_latchkey"))
            .env_clear()
            .envs(settings.iter().cloned())
            .env("LATCHKEY_LISTEN", "127.0.0.1:0")
            .env("LATCHKEY_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("its first line");
        let address = line
            .trim()
            .trim_start_matches("listening on http://")
            .to_owned();
        let pid = child.id();
        Self {
            child,
            pid,
            address,
        }
    }

    /// A memory figure of the process in MB: `VmRSS` is the current one, `VmHWM` the peak.
    pub fn memory_mb(&self, figure: &str) -> f64 {
        let path = format!("/proc/{}/status", self.pid);
        let status = std::fs::read_to_string(path).expect("its status");
        let line = status.lines().find(|line| line.starts_with(figure));
        let kb = line.and_then(|line| line.split_whitespace().nth(1));
        kb.and_then(|kb| kb.parse::<f64>().ok()).expect("a figure") * 1_024.0 / 1e6
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().expect("ended");
        self.child.wait().expect("ended");
    }
}
