//! What callers hand in, and the checks that need the database: shared by mutations and by whatever looks at a change
//! before it is made. Promises that nothing here writes.

pub mod kisi_credentials;
pub mod rule;
pub mod rule_change;
pub mod rule_draft;
pub mod source_credentials;
