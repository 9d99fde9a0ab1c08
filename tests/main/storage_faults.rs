//! The database fails: the disk is full or read only, a connection dies or goes silent, somebody else has the lock, a commit is
//! refused. Success is told after a commit that succeeded and never before, and everything recovers by itself.

mod leases;
mod transactions;
