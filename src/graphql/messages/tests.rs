//! Texts for the member, the desk and engineers: they name the thing, and a fix says what to do.

use super::*;

fn context(code: Code, edge: Option<&str>, offerings: &[&str]) -> MessageContext {
    let at = |text: &str| Instant::from_timestamp(text.parse().unwrap());
    MessageContext {
        code,
        at: at("2026-01-12T10:00:00Z"),
        edge: edge.map(at),
        until: None,
        by_share: false,
        rule: Some("Bays".to_owned()),
        offerings: offerings.iter().map(|name| (*name).to_owned()).collect(),
        tags: Vec::new(),
        is_cancelled: false,
        zone: TimeZone::get("Europe/Berlin").unwrap(),
    }
}

#[test]
fn times_are_in_the_clubs_zone() {
    let early = context(
        Code::TooEarly,
        Some("2026-01-12T10:30:00Z"),
        &["Simulator 1"],
    );
    assert_eq!(
        of_decision(&early, Audience::Member),
        "Your booking of Simulator 1 opens the door from 11:30."
    );
    let tomorrow = context(Code::TooEarly, Some("2026-01-13T10:30:00Z"), &[]);
    assert_eq!(
        of_decision(&tomorrow, Audience::Member),
        "Your booking opens the door from Tuesday, 13 January, 11:30."
    );
    assert_eq!(
        of_decision(&early, Audience::Engineer),
        "TOO_EARLY at=2026-01-12T10:00:00Z edge=2026-01-12T10:30:00Z rule=\"Bays\" offerings=[\"Simulator 1\"]"
    );
}

#[test]
fn a_decision_names_the_thing_and_a_fix_says_what_to_do() {
    let cases = [
        (
            context(Code::AllowedByRule, None, &["Full membership"]),
            "Allowed: Full membership (rule “Bays”).",
            "Nothing to do (rule “Bays”).",
        ),
        (
            context(
                Code::MembershipBlocked,
                Some("2026-01-10T03:21:00Z"),
                &["Full membership"],
            ),
            "Full membership is blocked since 10 January, 04:21 (Berlin) (rule “Bays”).",
            "Settle the payment for Full membership, or lift the block on the platform (rule “Bays”).",
        ),
        (
            MessageContext {
                is_cancelled: true,
                ..context(Code::NoRegistration, None, &["Simulator 1"])
            },
            "The booking of Simulator 1 was cancelled (rule “Bays”).",
            "Book Simulator 1 (rule “Bays”).",
        ),
        (
            context(
                Code::NoRegistration,
                None,
                &["Simulator 1", "Simulator 2", "Range", "Court", "Pool"],
            ),
            "Has no booking of Simulator 1, Simulator 2 or 3 others (rule “Bays”).",
            "Book Simulator 1, Simulator 2 or 3 others (rule “Bays”).",
        ),
        (
            context(Code::NoMembership, None, &[]),
            "Has no membership (rule “Bays”).",
            "Sell a membership, or look for it under another e-mail address (rule “Bays”).",
        ),
    ];
    for (context, decision, fix) in cases {
        assert_eq!(of_decision(&context, Audience::Desk), decision);
        assert_eq!(of_fix(&context, Audience::Desk), fix);
    }
}

#[test]
fn a_text_for_the_member_never_names_the_rule() {
    for code in [
        Code::NoRule,
        Code::TagMissing,
        Code::NoMembership,
        Code::TooLate,
    ] {
        let context = context(code, None, &[]);
        for text in [
            of_decision(&context, Audience::Member),
            of_fix(&context, Audience::Member),
        ] {
            assert!(!text.contains("Bays"), "{text}");
        }
    }
}
