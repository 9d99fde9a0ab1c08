//! The program: arguments to calls. Standard output is for answers, logs go to standard error. Every failure is one line
//! that says what to do, and an exit status that is not 0.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(latchkey::cli::run()),
        Err(problem) => {
            eprintln!("latchkey: the runtime cannot start: {problem}");
            ExitCode::FAILURE
        }
    }
}
