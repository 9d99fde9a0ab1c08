//! The version of a statement about an entity. It decides which statement is current, whatever their order of arrival. `ingest` gives
//! each statement its version, `store` compares them.

use access::Instant;

/// Orders the statements about one entity: the later time at the source is current; if the times are equal, the greater key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The time of the event at the source.
    pub happened_at: Instant,
    /// The sender's id of the delivery.
    pub key: String,
}
