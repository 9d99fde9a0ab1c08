//! What led to a mark. Promises that equal words of no delivery are one cause, and that the clock is one by itself. Made by
//! whoever marks, read by the brake and for the history.

use entity::{due, kind::Weight, revocation};
use uuid::Uuid;

/// What led to a mark, for the history and for the brake, which judges together what one cause would take away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// In words, for people; of two causes that are no delivery, equal words are one cause.
    pub words: String,
    /// The delivery, where it is one.
    pub delivery: Option<Uuid>,
    /// The rule, where it is the edit of one.
    pub rule: Option<Uuid>,
    /// Who did it, where it was somebody.
    pub actor: Option<String>,
    /// How the brake takes it.
    pub weight: Weight,
}

impl Cause {
    fn new(words: impl Into<String>, weight: Weight) -> Self {
        Self {
            words: words.into(),
            delivery: None,
            rule: None,
            actor: None,
            weight,
        }
    }

    /// Something that the brake judges, such as a delivery or an edit.
    pub fn judged(words: impl Into<String>) -> Self {
        Self::new(words, Weight::Judged)
    }

    /// What an admin does to one person by name: never held, and counted.
    pub fn by_name(words: impl Into<String>) -> Self {
        Self::new(words, Weight::ByName)
    }

    /// What an admin has seen beforehand and wants: neither held nor counted.
    pub fn own_word(words: impl Into<String>) -> Self {
        Self::new(words, Weight::OwnWord)
    }

    /// What somebody did.
    pub fn by(self, actor: &str) -> Self {
        let actor = Some(actor.to_owned());
        Self { actor, ..self }
    }

    /// What led to a question of the brake.
    pub fn of_question(row: &revocation::Model) -> Self {
        Self {
            words: row.cause.clone(),
            delivery: row.delivery_id,
            rule: row.rule_id,
            actor: row.actor.clone(),
            weight: Weight::Judged,
        }
    }

    /// What led to a look at a member: the last mark while that is not done with, else the time.
    pub fn of(row: &due::Model) -> Self {
        if row.generation <= row.settled_generation {
            return Self::judged("the clock");
        }
        Self {
            words: row.cause.clone(),
            delivery: row.cause_delivery,
            rule: row.cause_rule,
            actor: row.cause_actor.clone(),
            weight: row.weight,
        }
    }
}
