//! What the test itself knows of the club, and who may pass by it. Written apart from the service: no type and no function of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The version of what an event says: its time, and its id where two have one time.
pub type Version = (Timestamp, String);

/// From and until; none is open.
pub type Window = (Option<Timestamp>, Option<Timestamp>);

#[derive(Clone, Debug)]
pub struct Entitlement {
    pub version: Version,
    /// Of the membership or of the room.
    pub offering: &'static str,
    /// Whether its status counts at all.
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
    /// How long before a booking's start and after its end, in minutes; memberships have none.
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
    /// What an event says of an entitlement, unless something later was said.
    pub fn hear(&mut self, person: usize, id: &str, said: Entitlement) {
        let held = &mut self.people[person].held;
        match held.get(id) {
            Some(known) if known.version >= said.version => {}
            _ => {
                held.insert(id.to_owned(), said);
            }
        }
    }

    fn windows(&self, person: usize, group: usize) -> impl Iterator<Item = Window> {
        let rules = self.rules.values();
        let rules = rules.filter(move |rule| rule.enabled && rule.group == group);
        rules.flat_map(move |rule| {
            let held = self.people[person].held.values();
            let held = held.filter(|one| one.counts && one.offering == rule.offering);
            held.map(|one| {
                let margin = jiff::Span::new().minutes(rule.margin);
                let (from, until) = one.window;
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

    /// Whether a person may pass at every instant from one to another.
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
