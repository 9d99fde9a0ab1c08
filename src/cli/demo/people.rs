//! Who plays in the story, and how the platforms name them.
//!
//! Promises: one person bears another id on each platform and the same e-mail on all, so that it is
//! the service that finds out who is who. Must never hold anybody real. Called by the story.

use serde_json::{Value, json};

/// Somebody of the example club.
#[derive(Copy, Clone)]
pub struct Person {
    /// The name.
    pub name: &'static str,
    /// The e-mail, the same on every platform.
    pub email: &'static str,
}

/// Comes, pays late, books, cancels and leaves.
pub const ADA: Person = Person {
    name: "Ada Adams",
    email: "ada@example.com",
};
/// Is Ada's guest.
pub const BEN: Person = Person {
    name: "Ben Brook",
    email: "ben@example.com",
};
/// Buys a training programme.
pub const TOM: Person = Person {
    name: "Tom Tanner",
    email: "tom@example.com",
};
/// Was a member before the story began.
pub const EVA: Person = Person {
    name: "Eva Ellis",
    email: "eva@example.com",
};
/// Was one too.
pub const KIM: Person = Person {
    name: "Kim Keller",
    email: "kim@example.com",
};
/// Is one who takes a break.
pub const LEO: Person = Person {
    name: "Leo Lund",
    email: "leo@example.com",
};
/// Would like to be one.
pub const MAX: Person = Person {
    name: "Max Morrow",
    email: "max@example.com",
};

impl Person {
    /// As a platform speaks of this person, whose ids begin with `prefix`.
    pub fn on(self, prefix: &str) -> Value {
        let first = self
            .name
            .split(' ')
            .next()
            .unwrap_or(self.name)
            .to_lowercase();
        json!({ "id": format!("{prefix}-{first}"), "email": self.email, "name": self.name })
    }
}
