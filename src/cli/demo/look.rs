//! What a step looks at: the service's decision and its reason, what Kisi holds, which doors open.
//! Each look tells what came, and whether it is what was expected.
//!
//! Promises: decisions come by GraphQL, rights and doors from the sandbox. Must never mend what
//! came out otherwise. Called by the steps.

use anyhow::Context;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    api::text,
    people::Person,
    scene::{Group, Scene},
    tell::Teller,
};
use crate::sandbox::AssignmentView;

/// The doors of the sandbox's clubhouse.
const DOORS: [&str; 4] = ["Front door", "Range", "Simulator 1", "Workshop"];

/// What a right in Kisi lasts for: from now on where there is no beginning that is to come.
pub struct Window {
    /// Where it begins later.
    pub from: Option<Timestamp>,
    /// Where it ends.
    pub until: Option<Timestamp>,
}

impl Window {
    /// From now on, without an end.
    pub const OPEN: Self = Self {
        from: None,
        until: None,
    };
}

impl Scene {
    /// Tells what is decided of a person and a group at an instant, and why. `until` is looked at
    /// for whoever may pass.
    ///
    /// # Errors
    /// Where the service does not say.
    pub async fn decided(
        &self,
        (who, group, at): (Person, &Group, Timestamp),
        code: &str,
        until: Option<Timestamp>,
        teller: &mut Teller,
    ) -> anyhow::Result<()> {
        const QUERY: &str = "query($member: ID!, $target: ID!, $at: DateTime) { \
            explain(member: $member, target: $target, at: $at) { \
            decision { allowed until code message(audience: DESK) } } }";
        let member = self
            .member(who)
            .await?
            .with_context(|| format!("no member {}", who.email))?;
        let variables = json!({ "member": member, "target": group.id, "at": at.to_string() });
        let data = self.api.ask(QUERY, variables).await?;
        let decision = data
            .pointer("/explain/decision")
            .context("nothing was decided")?;
        let came = Decision::read(decision)?;
        let expected = Decision {
            allowed: code.starts_with("ALLOWED"),
            until,
            code: code.into(),
        };
        let holds = came.allowed == expected.allowed
            && came.code == expected.code
            && (!came.allowed || came.until == expected.until);
        let told = format!(
            "{}{}, {}: {}",
            who.name,
            self.when(at),
            group.name,
            self.verdict(&came)
        );
        let expected = format!("{} ({})", self.verdict(&expected), expected.code);
        teller.fact("decided", told, holds, expected)?;
        let reason = text(decision, "/message")?;
        Ok(teller.because(&format!("because: {reason} ({})", came.code))?)
    }

    /// Tells what Kisi holds for a person, and whether it is the user and the rights expected.
    ///
    /// # Errors
    /// Where the terminal fails.
    pub fn kisi_holds(
        &self,
        who: Person,
        expected: &[(&Group, Window)],
        teller: &mut Teller,
    ) -> anyhow::Result<()> {
        let now = self.now();
        let held = self.sandbox.assignments_of(who.email);
        let held = held
            .iter()
            .filter(|one| one.until.is_none_or(|until| until > now));
        let mut came: Vec<String> = held.map(|one| self.right(one)).collect();
        let wanted = expected.iter().map(|(group, window)| {
            format!("{} {}", group.name, self.span(window.from, window.until))
        });
        let mut wanted: Vec<String> = wanted.collect();
        came.sort();
        wanted.sort();
        let user = self.sandbox.user(who.email);
        let holds = came == wanted && (user.is_some() || wanted.is_empty());
        let said = |user: &str, rights: &[String]| match rights {
            [] => format!("holds: {user}, no right"),
            rights => format!("holds: {user}, {}", rights.join("; ")),
        };
        let address = format!("user {}", who.email);
        let came = match user {
            Some(_) => said(&address, &came),
            None => format!("holds: no user {}", who.email),
        };
        Ok(teller.fact("Kisi", came, holds, said(&address, &wanted))?)
    }

    /// Tells which doors a person's rights in Kisi open at an instant.
    ///
    /// # Errors
    /// Where the terminal fails.
    pub fn opens(
        &self,
        who: Person,
        at: Timestamp,
        expected: &[&str],
        teller: &mut Teller,
    ) -> anyhow::Result<()> {
        let mut came = DOORS.to_vec();
        came.retain(|door| {
            let lock = self.sandbox.lock_named(door);
            lock.is_some_and(|lock| self.sandbox.may_open(who.email, lock, at))
        });
        let said = |doors: &[&str]| match doors {
            [] => "no door opens".to_owned(),
            doors => format!("may open {}", doors.join(", ")),
        };
        let told = format!("{}{}: {}", who.name, self.when(at), said(&came));
        Ok(teller.fact("doors", told, came == expected, said(expected))?)
    }

    /// An instant in a sentence, where it is not about now.
    fn when(&self, at: Timestamp) -> String {
        if at > self.now() {
            format!(" on {}", self.local(at))
        } else {
            String::new()
        }
    }

    fn verdict(&self, decision: &Decision) -> String {
        match (decision.allowed, decision.until) {
            (false, _) => "may not pass".to_owned(),
            (true, None) => "may pass, with no end in sight".to_owned(),
            (true, Some(until)) => format!("may pass until {}", self.local(until)),
        }
    }

    fn right(&self, right: &AssignmentView) -> String {
        let groups = [&self.members, &self.simulator];
        let group = groups
            .into_iter()
            .find(|group| Some(group.kisi_id) == right.group);
        let name = group.map_or("another right", |group| group.name);
        format!("{name} {}", self.span(right.from, right.until))
    }

    fn span(&self, from: Option<Timestamp>, until: Option<Timestamp>) -> String {
        let from = from.filter(|from| *from > self.now());
        let from = from.map_or_else(|| "now".to_owned(), |from| self.local(from));
        match until {
            None => format!("from {from}, without end"),
            Some(until) => format!("from {from} to {}", self.local(until)),
        }
    }
}

/// A decision as the service gives it.
struct Decision {
    allowed: bool,
    until: Option<Timestamp>,
    code: String,
}

impl Decision {
    fn read(decision: &Value) -> anyhow::Result<Self> {
        let until = decision.get("until").and_then(Value::as_str);
        Ok(Self {
            allowed: decision.get("allowed") == Some(&Value::Bool(true)),
            until: until.map(str::parse).transpose()?,
            code: text(decision, "/code")?,
        })
    }
}
