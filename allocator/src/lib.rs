//! The memory allocator of the program, mimalloc, and the one setting of it that differs. This crate exists because mimalloc's
//! options are set by a call to C: everything else is compiled without unsafe code.

#![expect(unsafe_code, reason = "mimalloc has no safe functions for its options")]

use std::ffi::{c_int, c_long};

use libmimalloc_sys::mi_option_set_default;
pub use mimalloc::MiMalloc as Allocator;

/// `mi_option_purge_delay` of `mimalloc.h`, of which the crate has no constant. The test recognises it by its default.
const PURGE_DELAY: c_int = 15;
/// How long freed memory stays with the process before the operating system gets it back, in milliseconds. mimalloc waits a second,
/// in which the import of a large roster frees one form of it and allocates the next: 128 MB then, 97 MB with this
/// (`/usr/bin/time latchkey roster import`, 20,000 lines). `benches/ingest` shows no difference.
const RETURN_AFTER_MS: c_long = 1;

/// Configures the allocator. Call it before there are other threads. `MIMALLOC_PURGE_DELAY` in the environment has precedence.
pub fn configure() {
    // SAFETY: it stores a number in a static table within its bounds, and no other thread reads the table yet.
    unsafe { mi_option_set_default(PURGE_DELAY, RETURN_AFTER_MS) }
}

#[cfg(test)]
mod tests {
    use libmimalloc_sys::mi_option_get;

    use super::*;

    fn returns_after_ms() -> c_long {
        // SAFETY: it reads a number of a static table within its bounds.
        unsafe { mi_option_get(PURGE_DELAY) }
    }

    #[test]
    fn the_option_is_the_one_with_mimallocs_default_of_a_second() {
        assert_eq!(returns_after_ms(), 1_000);
        configure();
        assert_eq!(returns_after_ms(), RETURN_AFTER_MS);
    }
}
