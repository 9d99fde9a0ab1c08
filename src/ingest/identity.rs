//! Who is who: which people of the sources are one member. A pure function of all words about their e-mails, read in the
//! order of their versions and not of their arrival, so that any order of the same events ends in the same members.
//!
//! A person is found by the source's own id first, then by e-mail within the club. Where the two disagree nobody is
//! merged by guess: the e-mail stays whose it is, and the member that claims it bears a problem for a human.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::statement::Version;

/// One word about a person's e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailWord {
    /// When it was said; of equals, the name of the person decides, so that the order is one whatever came first.
    pub version: Version,
    /// The person.
    pub person: Uuid,
    /// The source and its id for the person.
    pub name: (Option<Uuid>, String),
    /// The e-mail; none where the source says that there is none.
    pub email: Option<String>,
}

/// People who are one member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Somebody {
    /// In the order in which they were first spoken of.
    pub persons: Vec<Uuid>,
    /// The latest e-mail that is theirs.
    pub email: Option<String>,
    /// An e-mail that a source gives them, though it is another member's.
    pub contested: Option<String>,
    /// Two people of one source bear one e-mail.
    pub shared: bool,
}

#[derive(Default)]
struct Cluster {
    persons: Vec<Uuid>,
    sources: Vec<Option<Uuid>>,
    /// By person: the e-mail in force and its version.
    emails: BTreeMap<Uuid, (Version, Option<String>)>,
    contested: BTreeMap<Uuid, (Version, String)>,
    shared: bool,
}

/// Parts people into members. `silent` are people of whom no e-mail was ever said: each is a member alone.
pub fn resolve(mut words: Vec<EmailWord>, silent: impl IntoIterator<Item = Uuid>) -> Vec<Somebody> {
    words.sort_by(|a, b| (&a.version, &a.name).cmp(&(&b.version, &b.name)));
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut of_person: HashMap<Uuid, usize> = HashMap::new();
    let mut owner: HashMap<String, usize> = HashMap::new();
    for word in words {
        let known = of_person.get(&word.person).copied();
        let owned = word
            .email
            .as_ref()
            .and_then(|email| owner.get(email).copied());
        let index = known.or(owned).unwrap_or(clusters.len());
        if index == clusters.len() {
            clusters.push(Cluster::default());
        }
        let Some(cluster) = clusters.get_mut(index) else {
            continue;
        };
        if known.is_none() {
            of_person.insert(word.person, index);
            cluster.shared |= word.name.0.is_some() && cluster.sources.contains(&word.name.0);
            cluster.persons.push(word.person);
            cluster.sources.push(word.name.0);
        }
        if owned.is_some_and(|owner| owner != index) {
            let email = word.email.unwrap_or_default();
            cluster.contested.insert(word.person, (word.version, email));
            continue;
        }
        cluster.contested.remove(&word.person);
        let before = cluster
            .emails
            .insert(word.person, (word.version, word.email.clone()));
        if let Some((_, Some(left))) = before
            && !cluster
                .emails
                .values()
                .any(|(_, email)| email.as_ref() == Some(&left))
        {
            owner.remove(&left);
        }
        if let Some(email) = word.email {
            owner.insert(email, index);
        }
    }
    settle_contests(&mut clusters, &mut owner);
    let alone = silent.into_iter().map(|person| Somebody {
        persons: vec![person],
        ..Somebody::default()
    });
    clusters
        .into_iter()
        .map(Cluster::into_somebody)
        .chain(alone)
        .collect()
}

/// What was another's when it was said may have become free since.
fn settle_contests(clusters: &mut [Cluster], owner: &mut HashMap<String, usize>) {
    let mut claims: Vec<(Version, usize, Uuid, String)> = Vec::new();
    for (index, cluster) in clusters.iter().enumerate() {
        for (person, (version, email)) in &cluster.contested {
            claims.push((version.clone(), index, *person, email.clone()));
        }
    }
    claims.sort();
    for (version, index, person, email) in claims {
        let Some(cluster) = clusters.get_mut(index) else {
            continue;
        };
        if owner.get(&email).is_none_or(|holder| *holder == index) {
            cluster.contested.remove(&person);
            cluster
                .emails
                .insert(person, (version, Some(email.clone())));
            owner.insert(email, index);
        }
    }
}

impl Cluster {
    fn into_somebody(self) -> Somebody {
        let latest = self
            .emails
            .values()
            .filter(|(_, email)| email.is_some())
            .max_by(|a, b| a.0.cmp(&b.0));
        Somebody {
            email: latest.and_then(|(_, email)| email.clone()),
            contested: self.contested.into_values().next().map(|(_, email)| email),
            persons: self.persons,
            shared: self.shared,
        }
    }
}

#[cfg(test)]
mod tests {
    use access::Instant;
    use proptest::prelude::*;

    use super::*;

    fn word(at: i64, person: u128, source: u128, email: Option<&str>) -> EmailWord {
        EmailWord {
            version: Version {
                happened_at: Instant::from_micros(at),
                key: format!("k{at}"),
            },
            person: Uuid::from_u128(person),
            name: (Some(Uuid::from_u128(source)), person.to_string()),
            email: email.map(str::to_owned),
        }
    }

    #[test]
    fn two_sources_that_name_one_email_mean_one_member() {
        let all = resolve(vec![word(1, 1, 1, Some("a")), word(2, 2, 2, Some("a"))], []);
        assert_eq!(all.len(), 1);
        assert!(!all[0].shared);
    }

    #[test]
    fn a_changed_email_is_followed() {
        let all = resolve(vec![word(2, 1, 1, Some("b")), word(1, 1, 1, Some("a"))], []);
        assert_eq!((all.len(), all[0].email.as_deref()), (1, Some("b")));
    }

    #[test]
    fn nobody_is_merged_by_guess() {
        let words = vec![
            word(1, 1, 1, Some("a")),
            word(2, 2, 2, Some("b")),
            word(3, 2, 2, Some("a")),
        ];
        let all = resolve(words, []);
        assert_eq!(all.len(), 2);
        assert_eq!(
            (all[1].email.as_deref(), all[1].contested.as_deref()),
            (Some("b"), Some("a"))
        );
    }

    #[test]
    fn an_email_that_became_free_is_taken() {
        let words = vec![
            word(1, 1, 1, Some("a")),
            word(2, 2, 2, Some("b")),
            word(3, 2, 2, Some("a")),
            word(4, 1, 1, Some("c")),
        ];
        let all = resolve(words, []);
        assert_eq!(all[1].email.as_deref(), Some("a"));
        assert_eq!(all[1].contested, None);
    }

    #[test]
    fn two_people_of_one_source_under_one_email_are_marked() {
        let all = resolve(vec![word(1, 1, 1, Some("a")), word(2, 2, 1, Some("a"))], []);
        assert!(all.len() == 1 && all[0].shared);
    }

    proptest! {
        #[test]
        fn any_order_ends_alike(
            said in proptest::collection::vec((0i64..9, 0u128..5, proptest::option::of("[abc]")), 0..12),
            turns in any::<u64>(),
        ) {
            let words: Vec<_> = said
                .iter()
                .enumerate()
                .map(|(n, (at, person, email))| EmailWord {
                    version: Version { happened_at: Instant::from_micros(*at), key: n.to_string() },
                    ..word(*at, *person, person % 2, email.as_deref())
                })
                .collect();
            let mut shuffled = words.clone();
            let mut state = turns | 1;
            for index in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                shuffled.swap(index, (state >> 33) as usize % (index + 1));
            }
            prop_assert_eq!(resolve(words, []), resolve(shuffled, []));
        }
    }
}
