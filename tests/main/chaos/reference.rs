//! The reference model of the club: what was said and who may pass by it. Independent of the service: it uses none of its types
//! and functions.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The version of an event's content: the event's time, then its id as the tie-breaker.
pub type Version = (Timestamp, String);

/// From and until; `None` is unbounded.
pub type Window = (Option<Timestamp>, Option<Timestamp>);

#[derive(Clone, Debug)]
pub struct Entitlement {
    pub version: Version,
    /// The plan of a membership or the room of a booking.
    pub offering: &'static str,
    /// Whether its status can give access.
    pub counts: bool,
    pub window: Window,
}

#[derive(Clone, Debug, Default)]
pub struct Person {
    pub suspended: Option<Window>,
    /// Memberships and bookings, by the sender's id.
    pub held: BTreeMap<String, Entitlement>,
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub group: usize,
    pub enabled: bool,
    pub offering: &'static str,
    /// How long access begins before a booking's start and lasts after its end, in minutes; 0 for memberships.
    pub margin: i64,
}

#[derive(Clone, Debug, Default)]
pub struct Reference {
    pub people: Vec<Person>,
    pub rules: BTreeMap<String, Rule>,
}

fn contains((from, until): Window, at: Timestamp) -> bool {
    from.is_none_or(|from| from <= at) && until.is_none_or(|until| at < until)
}

impl Reference {
    /// Applies an event about an entitlement, unless a later version was applied before.
    pub fn apply(&mut self, person: usize, id: &str, entitlement: Entitlement) {
        let entitlements = &mut self.people[person].held;
        match entitlements.get(id) {
            Some(current) if current.version >= entitlement.version => {}
            _ => {
                entitlements.insert(id.to_owned(), entitlement);
            }
        }
    }

    fn windows(&self, person: usize, group: usize) -> impl Iterator<Item = Window> {
        let rules = self.rules.values();
        let rules = rules.filter(move |rule| rule.enabled && rule.group == group);
        rules.flat_map(move |rule| {
            let entitlements = self.people[person].held.values();
            let matching = entitlements
                .filter(|entitlement| entitlement.counts && entitlement.offering == rule.offering);
            matching.map(|entitlement| {
                let margin = jiff::Span::new().minutes(rule.margin);
                let (from, until) = entitlement.window;
                (from.map(|at| at - margin), until.map(|at| at + margin))
            })
        })
    }

    /// Whether a person may pass a group's door at an instant.
    pub fn may_pass(&self, person: usize, group: usize, at: Timestamp) -> bool {
        let suspended = self.people[person].suspended;
        !suspended.is_some_and(|window| contains(window, at))
            && self
                .windows(person, group)
                .any(|window| contains(window, at))
    }

    /// Whether a person may pass at every instant from `from` to `to`.
    pub fn may_pass_throughout(
        &self,
        person: usize,
        group: usize,
        (from, to): (Timestamp, Timestamp),
    ) -> bool {
        let edges = self
            .windows(person, group)
            .chain(self.people[person].suspended)
            .flat_map(|(from, until)| [from, until])
            .flatten()
            .filter(|edge| (from..=to).contains(edge));
        [from, to]
            .into_iter()
            .chain(edges)
            .all(|at| self.may_pass(person, group, at))
    }
}
