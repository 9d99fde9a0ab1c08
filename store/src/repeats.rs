//! The earlier versions that said the same as a row. A repeat moves the version of its row forward and adds the version before
//! to this list, instead of a row. Where the history of a fact counts (addresses, blocks) the list is read as the rows that it
//! replaces, so that a late event between two repeats has the effect that it would have had in time.

use access::Instant;

use crate::{StoreError, version::Version};

/// The most earlier versions of a row. Beyond it the oldest one between two others is dropped, whose absence changes nothing
/// unless a late event is older than it.
const MOST: usize = 16;

/// The versions of a stored list, oldest first.
pub fn parse(text: Option<&str>) -> Result<Vec<Version>, StoreError> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let unreadable = |_| StoreError::Unreadable {
        what: "list of repeats",
    };
    let pairs: Vec<(i64, String)> = serde_json::from_str(text).map_err(unreadable)?;
    let version = |(at, key)| Version {
        happened_at: Instant::from_micros(at),
        key,
    };
    Ok(pairs.into_iter().map(version).collect())
}

/// The stored list with one more version. `others`: the known versions that say something else; what lies between them stays.
#[must_use]
pub fn add(text: Option<&str>, version: Version, others: &[Version]) -> Option<String> {
    // A list that cannot be read was refused when its row was loaded.
    let mut all = parse(text).unwrap_or_default();
    if let Err(place) = all.binary_search(&version) {
        all.insert(place, version);
    }
    if all.len() > MOST {
        let pairs = all.windows(2);
        let idle = pairs.enumerate().find(|(_, pair)| {
            let [before, it] = pair else { return false };
            !others.iter().any(|other| before < other && other < it)
        });
        if let Some(index) = idle.map(|(before, _)| before.saturating_add(1)) {
            all.remove(index);
        }
    }
    let pairs: Vec<(i64, String)> = all
        .into_iter()
        .map(|version| (version.happened_at.micros(), version.key))
        .collect();
    serde_json::to_string(&pairs).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(at: i64) -> Version {
        Version {
            happened_at: Instant::from_micros(at),
            key: "k".to_owned(),
        }
    }

    #[test]
    fn the_first_the_latest_and_what_others_lie_between_stay() {
        let other = version(25);
        let mut text = None;
        for at in (1..=40).map(|at| at * 10) {
            text = add(text.as_deref(), version(at), std::slice::from_ref(&other));
        }
        let kept = parse(text.as_deref()).unwrap();
        assert_eq!(kept.len(), MOST);
        assert_eq!((&kept[0], kept.last()), (&version(10), Some(&version(400))));
        assert!(kept.is_sorted());
        assert!(kept.contains(&version(30)), "{kept:?}");
        assert_eq!(add(text.as_deref(), version(400), &[]), text);
        assert!(parse(Some("no list")).is_err());
    }
}
