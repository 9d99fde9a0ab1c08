//! The people of the story, and how the platforms identify them.
//!
//! A person has a different id on each platform and the same e-mail address on all of them, so that
//! the service has to match them. No real people. Used by the story.

use serde_json::{Value, json};

/// A person of the example club.
#[derive(Copy, Clone)]
pub struct Person {
    pub name: &'static str,
    /// The same on every platform.
    pub email: &'static str,
}

/// Joins, pays late, books, cancels and leaves.
pub const ADA: Person = Person {
    name: "Ada Adams",
    email: "ada@example.com",
};
/// Ada's guest.
pub const BEN: Person = Person {
    name: "Ben Brook",
    email: "ben@example.com",
};
/// Buys a training programme.
pub const TOM: Person = Person {
    name: "Tom Tanner",
    email: "tom@example.com",
};
/// A member before the story starts.
pub const EVA: Person = Person {
    name: "Eva Ellis",
    email: "eva@example.com",
};
/// A member before the story starts.
pub const KIM: Person = Person {
    name: "Kim Keller",
    email: "kim@example.com",
};
/// A member whose membership is paused.
pub const LEO: Person = Person {
    name: "Leo Lund",
    email: "leo@example.com",
};
/// Not a member; forges an event.
pub const MAX: Person = Person {
    name: "Max Morrow",
    email: "max@example.com",
};

impl Person {
    /// The person in a platform's event. `prefix`: the start of that platform's ids.
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
