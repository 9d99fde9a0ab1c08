//! The program: arguments to calls. Standard output is for answers, logs go to standard error. Every failure is one line
//! that says what to do, and an exit status that is not 0.

use std::{process::ExitCode, time::Duration};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(latchkey::cli::run());
            // What is still waited for, such as a database that is silent, does not keep the process alive.
            runtime.shutdown_timeout(Duration::from_secs(2));
            code
        }
        Err(problem) => {
            eprintln!("latchkey: the runtime cannot start: {problem}");
            ExitCode::FAILURE
        }
    }
}
