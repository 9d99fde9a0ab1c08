//! The GraphQL type `Erasure`: how far the erasure of a member has come, and what it removed.

use async_graphql::{Enum, Result, SimpleObject};
use serde::Deserialize;

use super::error::internal_error;
use crate::store::row;

/// How far the erasure of a member has come.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::ErasureState")]
pub enum ErasureState {
    /// All access in Kisi is being taken away. Personal data is removed once that is confirmed for every Kisi account.
    EndingAccess,
    /// The personal data was removed. Later events about the person are ignored (`liftErasure`).
    Erased,
}

/// The erasure of a member. Kisi still holds the person's user with its name, e-mail address and events, and assignments that
/// others made: this service never deletes users in Kisi.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct Erasure {
    /// How far it has come.
    state: ErasureState,
    /// What was erased; null until then.
    report: Option<ErasureReport>,
}

/// What an erasure removed.
#[derive(Clone, Debug, Deserialize, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
#[serde(rename_all = "camelCase")]
pub struct ErasureReport {
    /// The number of ids at sources whose names, addresses and tags were removed.
    people: i32,
    /// The number of memberships, registrations and purchases whose ids were removed.
    entitlements: i32,
    /// The number of history entries whose text was removed; their kinds and times stay.
    history_entries: i32,
    /// The number of deliveries whose headers, body and messages were removed. They may have named other people as well.
    bodies: i32,
}

impl Erasure {
    /// None for a member whom nobody erases.
    pub fn of(member: &row::Member) -> Result<Option<Self>> {
        let Some(state) = member.erasure else {
            return Ok(None);
        };
        let report = member.erasure_report.as_deref().map(serde_json::from_str);
        Ok(Some(Self {
            state: state.into(),
            report: report.transpose().map_err(internal_error)?,
        }))
    }
}
