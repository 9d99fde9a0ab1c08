//! The database tables as SeaORM entities, one file for each table. The only behaviour is `fold`, the normal form of searchable
//! text. The `Relation` enums are empty: the store writes its joins out.
//!
//! Instants are microseconds since the Unix epoch (`i64`), a number that both databases order alike. Ids are UUIDs of version 7.
//! Every row belongs to a club, except leases, processes and the owners of accounts.

#![expect(missing_docs, reason = "the column names are self-explanatory")]

pub mod access_group;
pub mod account_owner;
pub mod announced_problem;
pub mod arrival;
pub mod check_in;
pub mod club;
pub mod company;
pub mod company_person;
pub mod company_version;
pub mod delivery;
pub mod delivery_member;
pub mod due;
pub mod entitlement;
pub mod entitlement_person;
pub mod entitlement_version;
pub mod erased_identifier;
pub mod fold;
pub mod group_lock;
pub mod history;
pub mod kind;
pub mod kisi_account;
pub mod kisi_event;
pub mod kisi_grant;
pub mod kisi_listener;
pub mod kisi_login;
pub mod kisi_user;
pub mod lease;
pub mod location;
pub mod lock;
pub mod member;
pub mod offering;
pub mod person;
pub mod person_past;
pub mod person_version;
pub mod place;
pub mod process;
pub mod read_request;
pub mod reading;
pub mod rejection;
pub mod revocation;
pub mod rule;
pub mod share;
pub mod source;
pub mod source_version;
pub mod suspension;
pub mod token;
pub mod unlock_request;
pub mod webhook_attempt;
pub mod webhook_endpoint;
pub mod webhook_message;
pub mod write_probe;
