//! The shapes of the canonical events, by which a mapping is judged before it is kept: which fields there are, which must be
//! there, which words may stand in them. Says nothing of any sender. `canonical` judges again what was made by it, and a test
//! holds the two together.

/// What may stand in a field.
#[derive(Copy, Clone, Debug)]
pub enum Shape {
    /// Text, a number, an instant: whatever `canonical` then makes of it.
    Plain,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// An object with these fields.
    Object(&'static [Part]),
    /// A list of such objects.
    List(&'static [Part]),
    /// A list of all such objects that there are: one that is not there is no statement that all are over.
    All(&'static [Part]),
}

/// A field of an object.
#[derive(Copy, Clone, Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// What may stand there.
    pub shape: Shape,
    /// Whether a mapping has to say where it comes from.
    pub needed: bool,
}

/// A type of the canonical events.
#[derive(Copy, Clone, Debug)]
pub struct Kind {
    /// Its name, such as `membership.updated`.
    pub name: &'static str,
    /// The fields of its data.
    pub parts: &'static [Part],
    /// Fields of which exactly one has to be there.
    pub one_of: &'static [&'static str],
}

const fn needed(name: &'static str, shape: Shape) -> Part {
    let needed = true;
    Part {
        name,
        shape,
        needed,
    }
}

const fn maybe(name: &'static str, shape: Shape) -> Part {
    let needed = false;
    Part {
        name,
        shape,
        needed,
    }
}

const fn kind(name: &'static str, parts: &'static [Part]) -> Kind {
    let one_of = &[];
    Kind {
        name,
        parts,
        one_of,
    }
}

const ID: &[Part] = &[needed("id", Shape::Plain)];
const NAMED: &[Part] = &[needed("id", Shape::Plain), maybe("name", Shape::Plain)];
const PERSON: &[Part] = &[
    needed("id", Shape::Plain),
    maybe("email", Shape::Plain),
    maybe("name", Shape::Plain),
    maybe("tags", Shape::Texts),
    maybe("companies", Shape::List(NAMED)),
];
const GUEST: &[Part] = &[
    maybe("id", Shape::Plain),
    maybe("email", Shape::Plain),
    maybe("name", Shape::Plain),
];
const COMPANY: &[Part] = &[
    needed("id", Shape::Plain),
    maybe("name", Shape::Plain),
    maybe("members", Shape::List(PERSON)),
];
const LOCATION: &[Part] = &[
    needed("id", Shape::Plain),
    maybe("name", Shape::Plain),
    maybe("time_zone", Shape::Plain),
];
const BLOCK: &[Part] = &[
    needed(
        "reason",
        Shape::Word(&["payment_failed", "payment_retrying", "manual"]),
    ),
    maybe("since", Shape::Plain),
];
const BOOKABLE: Shape = Shape::Word(&[
    "class",
    "appointment",
    "course",
    "room",
    "desk",
    "office",
    "equipment",
    "parking",
    "resource",
]);
const ANY_OFFERING: Shape = Shape::Word(&[
    "membership",
    "billing_item",
    "class",
    "appointment",
    "course",
    "room",
    "desk",
    "office",
    "equipment",
    "parking",
    "resource",
]);
const MEMBERSHIP: &[Part] = &[
    needed("id", Shape::Plain),
    needed("plan", Shape::Object(NAMED)),
    maybe("member", Shape::Object(PERSON)),
    maybe("company", Shape::Object(NAMED)),
    maybe("shared_with", Shape::List(PERSON)),
    needed(
        "status",
        Shape::Word(&["active", "scheduled", "paused", "used_up", "ended"]),
    ),
    maybe("blocked", Shape::Object(BLOCK)),
    maybe("starts_at", Shape::Plain),
    maybe("ends_at", Shape::Plain),
    maybe("location", Shape::Object(LOCATION)),
];
const REGISTRATION: &[Part] = &[
    needed("id", Shape::Plain),
    needed("kind", BOOKABLE),
    needed("item", Shape::Object(NAMED)),
    needed("member", Shape::Object(PERSON)),
    maybe("guests", Shape::List(GUEST)),
    needed(
        "status",
        Shape::Word(&["confirmed", "tentative", "waitlisted", "cancelled"]),
    ),
    needed("starts_at", Shape::Plain),
    needed("ends_at", Shape::Plain),
    maybe("location", Shape::Object(LOCATION)),
];
const PURCHASE: &[Part] = &[
    needed("id", Shape::Plain),
    needed("item", Shape::Object(NAMED)),
    needed("member", Shape::Object(PERSON)),
    needed(
        "status",
        Shape::Word(&["paid", "unpaid", "refunded", "void"]),
    ),
    maybe("starts_at", Shape::Plain),
    maybe("ends_at", Shape::Plain),
    maybe("location", Shape::Object(LOCATION)),
];
const OFFERING: &[Part] = &[
    needed("id", Shape::Plain),
    needed("kind", ANY_OFFERING),
    maybe("name", Shape::Plain),
];
const ROSTER: &[Part] = &[
    maybe("members", Shape::All(PERSON)),
    maybe("companies", Shape::All(COMPANY)),
    maybe("memberships", Shape::All(MEMBERSHIP)),
    maybe("registrations", Shape::All(REGISTRATION)),
    maybe("purchases", Shape::All(PURCHASE)),
];

/// Every type of the canonical events.
pub const KINDS: &[Kind] = &[
    kind("member.updated", PERSON),
    kind("member.deleted", ID),
    kind("company.updated", COMPANY),
    kind("company.deleted", ID),
    Kind {
        name: "membership.updated",
        parts: MEMBERSHIP,
        one_of: &["member", "company"],
    },
    kind("membership.deleted", ID),
    kind("registration.updated", REGISTRATION),
    kind("registration.deleted", ID),
    kind("purchase.updated", PURCHASE),
    kind("purchase.deleted", ID),
    kind("offering.updated", OFFERING),
    kind("roster.snapshot", ROSTER),
];
