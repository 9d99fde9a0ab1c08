//! The words that programs use for the status of a membership.

use std::collections::BTreeMap;

/// The statuses of canonical events, with the words that mean the same.
const WORDS: [(&str, &[&str]); 5] = [
    (
        "active",
        &["current", "enabled", "ok", "trial", "trialing", "valid"],
    ),
    ("scheduled", &["future", "not started", "upcoming"]),
    (
        "paused",
        &["freeze", "frozen", "hold", "on hold", "suspended"],
    ),
    ("used_up", &["depleted", "used", "used up"]),
    (
        "ended",
        &[
            "canceled",
            "cancelled",
            "completed",
            "deactivated",
            "expired",
            "former",
            "inactive",
            "lapsed",
            "removed",
            "terminated",
        ],
    ),
];

/// Words of one's own: `--status "On break=paused"`.
pub type OwnWords = BTreeMap<String, String>;

/// Parses a word of one's own with its meaning.
pub fn own_word(text: &str) -> Result<(String, String), String> {
    let (word, meaning) = text
        .rsplit_once('=')
        .ok_or("write it as WORD=STATUS, such as \"On break=paused\"")?;
    let meaning = meaning.trim().to_lowercase();
    if WORDS.iter().any(|(status, _)| *status == meaning) {
        Ok((word.trim().to_lowercase(), meaning))
    } else {
        Err(format!("{meaning:?} is not {}", all()))
    }
}

fn all() -> String {
    WORDS.map(|(status, _)| status).join(", ")
}

/// The status that a word means; the error says what to do.
pub fn parse(word: &str, own: &OwnWords) -> Result<String, String> {
    let folded = word.trim().to_lowercase();
    if let Some(meaning) = own.get(&folded) {
        return Ok(meaning.clone());
    }
    let known = WORDS
        .iter()
        .find(|(status, words)| *status == folded || words.contains(&folded.as_str()));
    known.map(|(status, _)| (*status).to_owned()).ok_or_else(|| {
        format!("{word:?} is no known status: say what it means with --status \"{word}=STATUS\", one of {}", all())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_statuses() {
        let own = OwnWords::from([
            own_word("On break = Paused").unwrap(),
            own_word("valid=ended").unwrap(),
        ]);
        for (word, status) in [
            ("Active", "active"),
            ("EXPIRED", "ended"),
            ("On Hold", "paused"),
            ("on break", "paused"),
            ("Valid", "ended"),
        ] {
            assert_eq!(parse(word, &own).as_deref(), Ok(status), "{word}");
        }
        assert!(
            parse("odd", &own)
                .unwrap_err()
                .contains("--status \"odd=STATUS\"")
        );
        assert!(own_word("odd").is_err());
        assert!(own_word("odd=weird").is_err());
    }
}
