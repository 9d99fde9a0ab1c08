//! The program as a process of its own, so that its memory is its own. Ends with its owner.

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
    /// Starts it, and waits until it listens.
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

    /// A figure of the process in MB, such as `VmRSS` or the peak, `VmHWM`.
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
