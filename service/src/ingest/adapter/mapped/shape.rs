//! The schema of the canonical events, for validating a mapping before it is stored: the fields, which of them are required, and
//! the allowed words. Independent of any sender. `canonical` validates the resulting events again, and a test compares the two.

/// The type of a field.
#[derive(Copy, Clone, Debug)]
pub enum Shape {
    /// Text, a number or an instant, which `canonical` validates.
    Plain,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// An object with these fields.
    Object(&'static [Part]),
    /// A list of objects with these fields.
    List(&'static [Part]),
    /// The complete list of such objects. An absent list does not mean that all of them ended.
    All(&'static [Part]),
}

#[derive(Copy, Clone, Debug)]
pub struct Part {
    pub name: &'static str,
    pub shape: Shape,
    /// A mapping has to say where the field comes from.
    pub needed: bool,
}

#[derive(Copy, Clone, Debug)]
pub struct Kind {
    /// Such as `membership.updated`.
    pub name: &'static str,
    /// The fields of the event's `data`.
    pub parts: &'static [Part],
    /// Exactly one of these fields has to be present.
    pub one_of: &'static [&'static str],
}

const fn required(name: &'static str, shape: Shape) -> Part {
    let needed = true;
    Part {
        name,
        shape,
        needed,
    }
}

const fn optional(name: &'static str, shape: Shape) -> Part {
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

const ID: &[Part] = &[required("id", Shape::Plain)];
const NAMED: &[Part] = &[required("id", Shape::Plain), optional("name", Shape::Plain)];
const PERSON: &[Part] = &[
    required("id", Shape::Plain),
    optional("email", Shape::Plain),
    optional("name", Shape::Plain),
    optional("tags", Shape::Texts),
    optional("companies", Shape::List(NAMED)),
];
const GUEST: &[Part] = &[
    optional("id", Shape::Plain),
    optional("email", Shape::Plain),
    optional("name", Shape::Plain),
];
const COMPANY: &[Part] = &[
    required("id", Shape::Plain),
    optional("name", Shape::Plain),
    optional("members", Shape::List(PERSON)),
];
const LOCATION: &[Part] = &[
    required("id", Shape::Plain),
    optional("name", Shape::Plain),
    optional("time_zone", Shape::Plain),
];
const BLOCK: &[Part] = &[
    required(
        "reason",
        Shape::Word(&["payment_failed", "payment_retrying", "manual"]),
    ),
    optional("since", Shape::Plain),
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
    required("id", Shape::Plain),
    required("plan", Shape::Object(NAMED)),
    optional("member", Shape::Object(PERSON)),
    optional("company", Shape::Object(NAMED)),
    optional("shared_with", Shape::List(PERSON)),
    required(
        "status",
        Shape::Word(&["active", "scheduled", "paused", "used_up", "ended"]),
    ),
    optional("blocked", Shape::Object(BLOCK)),
    optional("starts_at", Shape::Plain),
    optional("ends_at", Shape::Plain),
    optional("location", Shape::Object(LOCATION)),
];
const REGISTRATION: &[Part] = &[
    required("id", Shape::Plain),
    required("kind", BOOKABLE),
    required("item", Shape::Object(NAMED)),
    required("member", Shape::Object(PERSON)),
    optional("guests", Shape::List(GUEST)),
    required(
        "status",
        Shape::Word(&["confirmed", "tentative", "waitlisted", "cancelled"]),
    ),
    required("starts_at", Shape::Plain),
    required("ends_at", Shape::Plain),
    optional("location", Shape::Object(LOCATION)),
];
const PURCHASE: &[Part] = &[
    required("id", Shape::Plain),
    required("item", Shape::Object(NAMED)),
    required("member", Shape::Object(PERSON)),
    required(
        "status",
        Shape::Word(&["paid", "unpaid", "refunded", "void"]),
    ),
    optional("starts_at", Shape::Plain),
    optional("ends_at", Shape::Plain),
    optional("location", Shape::Object(LOCATION)),
];
const OFFERING: &[Part] = &[
    required("id", Shape::Plain),
    required("kind", ANY_OFFERING),
    optional("name", Shape::Plain),
];
const ROSTER: &[Part] = &[
    optional("members", Shape::All(PERSON)),
    optional("companies", Shape::All(COMPANY)),
    optional("memberships", Shape::All(MEMBERSHIP)),
    optional("registrations", Shape::All(REGISTRATION)),
    optional("purchases", Shape::All(PURCHASE)),
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
