//! The integration tests: the whole program on a free port, with a clock of its own and the Kisi sandbox. One target, a file
//! for each subject. Nothing of ours is mocked, nothing sleeps for a fixed time, and no test depends on another.
#![cfg(test)]

#[macro_use]
mod support;

mod accounts;
mod agree;
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
mod door_roles;
mod folded_names;
mod history;
mod hostile;
mod identity;
mod kisi_events;
mod kisi_spec;
mod lived_in;
mod mapped;
mod pacing;
mod platforms;
mod readers;
mod restrictions;
mod roles;
mod rosters;
mod rounding;
mod scenario;
mod sessions;
mod signatures;
mod storage_faults;
mod subscriptions;
mod suspicious;
mod sweep;
mod take_over;
mod tidy;
mod unlock_faults;
mod unlocks;
mod webhook_answers;
mod webhook_bodies;
