//! Builds holdings from rows: drops versions older than a deletion, finds how each entitlement reaches a member, resolves dates
//! in their time zone, and derives blocks from the history. Pure; called by `facts` only.

use std::sync::Arc;

use access::{Block, Entitlement, Holding, Instant, Share, Span, Suspension, Via};
use entity::kind::{EntitlementKind, Part, SourceAspect};
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use uuid::Uuid;

use crate::{
    convert::{self, id, kinds},
    map::Map,
};

use super::{
    AsOf, HeldEntitlement, Holdings, Stated, StoreError,
    rows::{Blocked, Pair, Person, Rows, Version},
};

/// The holdings of each of `members`; a member without any gets empty ones.
pub fn holdings(
    members: &[Uuid],
    rows: &Rows,
    known: AsOf,
) -> Result<Map<Uuid, Holdings>, StoreError> {
    let index = Index::new(rows, known);
    let mut all: Map<Uuid, Holdings> = members
        .iter()
        .map(|id| (*id, Holdings::default()))
        .collect();
    for (member, holdings) in &mut all {
        let mut tags: Vec<String> = Vec::new();
        let mut reached: Map<Uuid, Via> = Map::default();
        for person in index.persons.get(member).into_iter().flatten() {
            tags.extend(index.tags(person)?);
            index.reach(person, &mut reached, &mut holdings.companies);
        }
        tags.sort();
        tags.dedup();
        holdings.companies.sort_unstable();
        holdings.companies.dedup();
        let mut entitlements: Vec<(&Arc<Stated>, Via)> = reached
            .into_iter()
            .filter_map(|(version, via)| Some((rows.stated.get(&version)?, via)))
            .collect();
        entitlements.sort_unstable_by_key(|(version, _)| version.entitlement_id);
        for (version, via) in entitlements {
            let entitlement = index.entitlement(version, via)?;
            holdings.held.push(Arc::new(HeldEntitlement {
                version: Arc::clone(version),
                via,
                span: entitlement.span,
            }));
            holdings.facts.entitlements.push(entitlement);
        }
        holdings.facts.tags = tags;
    }
    overrides(rows, &mut all);
    Ok(all)
}

fn overrides(rows: &Rows, all: &mut Map<Uuid, Holdings>) {
    for row in &rows.shares {
        let Some(holdings) = all.get_mut(&row.member_id) else {
            continue;
        };
        let scope = convert::scope(row.scope_kind, row.scope_id);
        // A share starts when it was created at the earliest, even if its `from_at` is before that.
        let from = row.from_at.unwrap_or(row.learned_at).max(row.learned_at);
        let span = Span::new(Instant::from_micros(from), end(row.until_at));
        holdings.facts.shares.push(Share {
            id: id(row.id),
            scope,
            span,
        });
        if row.notify {
            holdings.notified_scopes.push(scope);
        }
    }
    for row in &rows.suspensions {
        let span = Span::new(Instant::from_micros(row.learned_at), end(row.until_at));
        if let Some(holdings) = all.get_mut(&row.member_id) {
            holdings.facts.suspension = Some(Suspension {
                id: id(row.id),
                span,
            });
        }
    }
}

fn end(at: Option<i64>) -> Instant {
    Instant::from_option_end(at.map(Instant::from_micros))
}

struct Index<'a> {
    rows: &'a Rows,
    known: AsOf,
    persons: Map<Uuid, Vec<&'a Person>>,
    pairs: Map<Uuid, Vec<&'a Pair>>,
    of_person: Map<Uuid, Vec<&'a Arc<Stated>>>,
    of_company: Map<Uuid, Vec<&'a Arc<Stated>>>,
    beside: Map<Uuid, Vec<(&'a Arc<Stated>, Part)>>,
}

impl<'a> Index<'a> {
    fn new(rows: &'a Rows, known: AsOf) -> Self {
        let mut index = Self {
            rows,
            known,
            persons: Map::with_capacity_and_hasher(rows.persons.len(), Default::default()),
            pairs: Map::default(),
            of_person: Map::with_capacity_and_hasher(rows.persons.len(), Default::default()),
            of_company: Map::default(),
            beside: Map::default(),
        };
        for person in rows.persons.values() {
            let of_member = index.persons.entry(person.member_id).or_default();
            of_member.push(person);
        }
        for pair in &rows.pairs {
            index.pairs.entry(pair.person_id).or_default().push(pair);
        }
        for stated in rows.stated.values() {
            if let Some(person) = stated.person_id {
                index.of_person.entry(person).or_default().push(stated);
            }
            if let Some(company) = stated.company_id {
                index.of_company.entry(company).or_default().push(stated);
            }
        }
        for row in &rows.beside {
            if let Some(stated) = rows.stated.get(&row.entitlement_id) {
                let parts = index.beside.entry(row.person_id).or_default();
                parts.push((stated, row.part));
            }
        }
        index
    }

    fn person(&self, id: Uuid) -> Option<&'a Person> {
        let rows = self.rows;
        rows.persons.get(&id).or_else(|| rows.holders.get(&id))
    }

    /// The version of the person's end: older versions about the person no longer count.
    fn floor(person: &Person) -> Option<&Version> {
        // A snapshot of the members does not list guests, so its omission does not end a person known only as a guest.
        let unlisted = person.unlisted.as_ref().filter(|_| !person.guest_only);
        person.deleted.as_ref().max(unlisted)
    }

    fn tags(&self, person: &Person) -> Result<Vec<String>, StoreError> {
        let floor = Self::floor(person);
        let version_row = person.tags.as_ref().filter(|((at, key), _)| {
            at_least((*at, key), floor) && !self.is_removed(person.source_id)
        });
        let Some((_, text)) = version_row else {
            return Ok(Vec::new());
        };
        serde_json::from_str(text).map_err(|_| StoreError::Unreadable {
            what: "list of tags",
        })
    }

    fn is_removed(&self, source: Option<Uuid>) -> bool {
        let removed = source
            .and_then(|id| self.rows.sources.get(&id))
            .and_then(|source| source.removed_at);
        removed.is_some_and(|removed| !self.known.is_current(Some(removed)))
    }

    /// Adds every version that reaches a person, with the closest of several ways: own, participant, company.
    fn reach(&self, person: &Person, reached: &mut Map<Uuid, Via>, companies: &mut Vec<Uuid>) {
        let floor = Self::floor(person);
        for version in self.of_person.get(&person.id).into_iter().flatten() {
            if self.counts(version) {
                reached.insert(version.entitlement_id, Via::Own);
            }
        }
        for (version, part) in self.beside.get(&person.id).into_iter().flatten() {
            if self.counts(version) && at_least(of(version), floor) {
                let via = if *part == Part::Guest {
                    Via::Guest
                } else {
                    Via::Shared
                };
                reached.entry(version.entitlement_id).or_insert(via);
            }
        }
        if self.is_removed(person.source_id) {
            return;
        }
        for pair in self.pairs.get(&person.id).into_iter().flatten() {
            let pair_version = (pair.happened_at, &pair.version_key);
            let company_floor = self.rows.company_ends.get(&pair.company_id);
            if !at_least(pair_version, floor) || !at_least(pair_version, company_floor) {
                continue;
            }
            companies.push(pair.company_id);
            for version in self.of_company.get(&pair.company_id).into_iter().flatten() {
                if self.counts(version) && at_least(of(version), company_floor) {
                    reached
                        .entry(version.entitlement_id)
                        .or_insert(Via::Company(id(pair.company_id)));
                }
            }
        }
    }

    /// Whether a version counts: its source is not removed, and it is not older than its kind's snapshot watermark and its
    /// holder's end.
    fn counts(&self, version: &Stated) -> bool {
        let aspect = match version.kind {
            EntitlementKind::Membership => SourceAspect::Memberships,
            EntitlementKind::Registration => SourceAspect::Registrations,
            EntitlementKind::Purchase => SourceAspect::Purchases,
        };
        let holder = version.person_id.and_then(|holder| self.person(holder));
        let source = self.rows.sources.get(&version.source_id);
        let source_floor = source.and_then(|source| source.floors.get(&aspect));
        !self.is_removed(Some(version.source_id))
            && at_least(of(version), source_floor)
            && at_least(of(version), holder.and_then(Self::floor))
    }

    fn entitlement(&self, version: &Stated, via: Via) -> Result<Entitlement, StoreError> {
        let unreadable = || StoreError::Unreadable {
            what: "entitlement",
        };
        let source = self.rows.sources.get(&version.source_id);
        let zone = version.zone.as_deref();
        let zone = zone.or(source.map(|s| s.time_zone.as_str()));
        let zone = zone
            .and_then(|name| TimeZone::get(name).ok())
            .unwrap_or(TimeZone::UTC);
        let holding = match version.kind {
            EntitlementKind::Membership => Holding::Membership {
                status: kinds::membership(&version.status).ok_or_else(unreadable)?,
                blocks: self.blocks(version),
            },
            EntitlementKind::Registration => Holding::Registration {
                kind: version
                    .offering_kind
                    .map(kinds::offering)
                    .ok_or_else(unreadable)?,
                status: kinds::registration(&version.status).ok_or_else(unreadable)?,
            },
            EntitlementKind::Purchase => Holding::Purchase {
                status: kinds::purchase(&version.status).ok_or_else(unreadable)?,
            },
        };
        let from = day(version.starts_on.as_deref(), &zone, false)?.or(version.starts_at);
        let until = day(version.ends_on.as_deref(), &zone, true)?.or(version.ends_at);
        let from = Instant::from_option_start(from.map(Instant::from_micros));
        Ok(Entitlement {
            id: id(version.entitlement_id),
            offering: id(version.offering_id.unwrap_or_default()),
            location: version.location_id.map(id),
            via,
            span: Span::new(from, end(until)),
            zone,
            holding,
        })
    }

    /// The periods in which the membership was blocked, from the history of its versions. Adjacent ones are joined.
    fn blocks(&self, version: &Stated) -> Vec<Block> {
        let mut versions: Vec<_> = self
            .rows
            .history
            .get(&version.entitlement_id)
            .into_iter()
            .flatten()
            .collect();
        versions.sort_by(|a, b| blocked_at(a).cmp(&blocked_at(b)));
        let mut blocks: Vec<Block> = Vec::new();
        for (index, version_row) in versions.iter().enumerate() {
            let (Some(reason), Some(since)) = (version_row.reason, version_row.since) else {
                continue;
            };
            let next = versions.get(index + 1).map(|next| next.happened_at);
            let span = Span::new(Instant::from_micros(since), end(next));
            match blocks
                .last_mut()
                .filter(|last| span.from <= last.span.until)
            {
                Some(last) => last.span.until = last.span.until.max(span.until),
                None => blocks.push(Block {
                    reason: kinds::block(reason),
                    span,
                }),
            }
        }
        blocks.retain(|block| !block.span.is_empty());
        blocks
    }
}

fn blocked_at(version_row: &Blocked) -> (i64, &String) {
    (version_row.happened_at, &version_row.version_key)
}

fn of(version: &Stated) -> (i64, &String) {
    (version.happened_at, &version.version_key)
}

fn at_least(said: (i64, &String), floor: Option<&Version>) -> bool {
    floor.is_none_or(|(at, key)| said >= (*at, key))
}

/// The start or end of a local day in microseconds since the epoch. A day out of range is `Instant::END` or
/// `Instant::BEGINNING`.
fn day(date: Option<&str>, zone: &TimeZone, is_end: bool) -> Result<Option<i64>, StoreError> {
    let unreadable = |_: jiff::Error| StoreError::Unreadable { what: "date" };
    let Some(text) = date else { return Ok(None) };
    let date: Date = text.parse().map_err(unreadable)?;
    let beyond = if date.year() > 0 {
        Instant::END
    } else {
        Instant::BEGINNING
    };
    let day = if is_end {
        date.checked_add(1.day())
    } else {
        Ok(date)
    };
    let start = day.and_then(|day| day.to_zoned(zone.clone()));
    Ok(Some(start.map_or(beyond.micros(), |start| {
        start.timestamp().as_microsecond()
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_out_of_range_is_the_end_of_time() {
        let zone = TimeZone::get("America/New_York").unwrap();
        for (text, is_end) in [
            ("9999-12-31", true),
            ("9999-12-30", true),
            ("9999-12-31", false),
        ] {
            let at = day(Some(text), &zone, is_end).unwrap();
            assert_eq!(at, Some(Instant::END.micros()), "{text}");
        }
        assert_eq!(
            day(Some("1970-01-01"), &TimeZone::UTC, true).unwrap(),
            Some(86_400_000_000)
        );
    }
}
