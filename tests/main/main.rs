//! The integration tests: the whole service on a free port, with its own clock and the Kisi sandbox. One target, one file for
//! each subject. Our own code is never mocked, tests wait for conditions instead of fixed times, and each test is independent of
//! the others.
#![cfg(test)]

#[macro_use]
mod support;

mod accounts;
mod any_order;
mod bad_events;
mod bad_kisi;
mod bad_settings;
mod boundaries;
mod brake;
mod call_budget;
mod chaos;
mod clubs_apart;
mod crash;
mod documents;
mod door_roles;
mod due_locks;
mod erasure;
mod folded_names;
mod help_pages;
mod history;
mod hostile;
mod identity;
mod invitations;
mod kisi_events;
mod kisi_spec;
mod lived_in;
mod mapped;
mod metrics;
mod outbound;
mod pacing;
mod platform_pages;
mod platforms;
mod processes;
mod query_agreement;
mod quick_start;
mod readers;
mod restore;
mod restrictions;
mod retention;
mod roles;
mod rosters;
mod rounding;
mod scenario;
mod sender_pages;
mod senders;
mod sessions;
mod shutdown;
mod signatures;
mod statistics;
mod storage_faults;
mod subscriptions;
mod suspicious;
mod sweep;
mod take_over;
mod tidy;
mod traces;
mod unlock_faults;
mod unlocks;
mod webhook_answers;
mod webhook_bodies;
