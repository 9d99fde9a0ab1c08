//! The program as a process of its own: how soon it answers, and what it takes while it has nothing to do.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant as Stopwatch},
};

pub fn start_and_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite://{}/cold.db?mode=rwc", folder.path().display());
    for name in ["cold start, new database", "start, database there"] {
        let began = Stopwatch::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_latchkey"))
            .env_clear()
            .env("LATCHKEY_DATABASE_URL", &database)
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
        let mut connection = TcpStream::connect(address).expect("a connection");
        connection
            .write_all(b"GET /readyz HTTP/1.0\r\n\r\n")
            .expect("asked");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        assert!(
            answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"),
            "{answer}"
        );
        let took = began.elapsed();
        std::thread::sleep(Duration::from_secs(3));
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("its status");
        let resident = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .expect("its memory")
            .to_owned();
        println!(
            "{name}: first answer after {:.0} ms; idle after 3 s: {}",
            took.as_secs_f64() * 1e3,
            resident.replace('\t', " ")
        );
        child.kill().expect("ended");
        child.wait().expect("ended");
    }
}
