//! Measures the program as a separate process: time from start to the first response, and idle memory.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant as Stopwatch},
};

use super::server::Server;

pub fn start_and_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite://{}/cold.db?mode=rwc", folder.path().display());
    for name in ["cold start, new database", "start, existing database"] {
        let began = Stopwatch::now();
        let server = Server::start(&[("LATCHKEY_DATABASE_URL", database.clone())]);
        let mut connection = TcpStream::connect(&server.address).expect("a connection");
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
        println!(
            "{name}: first answer after {:.0} ms; idle after 3 s: {:.0} MB",
            took.as_secs_f64() * 1e3,
            server.memory_mb("VmRSS")
        );
    }
}
