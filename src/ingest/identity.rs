//! Who is who: which people of the sources are one member. A pure function of all words about their e-mails, read in the
//! order of their versions and not of their arrival, so that any order of the same events ends in the same members.
//!
//! A person is found by the source's own id first, then by e-mail within the club. Where the two disagree nobody is
//! merged by guess: the e-mail stays whose it is, and the member that claims it bears a problem for a human. Two people
//! of one source who shared an address are two members as soon as the source gives one of them another.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::statement::Version;

/// A source and its id for a person: unlike our own ids, the same whatever came first.
pub type Name = (Option<Uuid>, String);

/// One word about a person's e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailWord {
    /// When it was said; of equals, the name of the person decides, so that the order is one whatever came first.
    pub version: Version,
    /// The person.
    pub person: Uuid,
    /// What the source calls the person.
    pub name: Name,
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
    /// The e-mail in force of each person, and the version of the word that gave it.
    emails: BTreeMap<Name, (Version, Option<String>)>,
    /// Who bears an e-mail that is in force.
    bearers: HashMap<String, BTreeSet<Name>>,
    contested: BTreeMap<Name, (Version, String)>,
    /// How many people each source has here.
    of_source: HashMap<Uuid, usize>,
}

/// Everybody who has been spoken of so far.
#[derive(Default)]
struct Parting {
    clusters: Vec<Cluster>,
    /// The cluster of each person.
    of_person: HashMap<Name, usize>,
    /// Whose an e-mail is.
    owner: HashMap<String, usize>,
    /// In the order in which they were first spoken of.
    everybody: Vec<(Name, Uuid)>,
}

/// Parts people into members. `silent` are people of whom no e-mail was ever said: each is a member alone.
pub fn resolve(mut words: Vec<EmailWord>, silent: impl IntoIterator<Item = Uuid>) -> Vec<Somebody> {
    words.sort_by(|a, b| (&a.version, &a.name).cmp(&(&b.version, &b.name)));
    let mut parting = Parting::default();
    for word in words {
        parting.hear(word);
    }
    parting.settle_contests();
    let alone = silent.into_iter().map(|person| Somebody {
        persons: vec![person],
        ..Somebody::default()
    });
    parting.into_somebodies().into_iter().chain(alone).collect()
}

impl Parting {
    fn hear(&mut self, word: EmailWord) {
        let known = self.of_person.get(&word.name).copied();
        let owned = word
            .email
            .as_ref()
            .and_then(|email| self.owner.get(email).copied());
        let index = known.or(owned).unwrap_or(self.clusters.len());
        if index == self.clusters.len() {
            self.clusters.push(Cluster::default());
        }
        if known.is_none() {
            self.everybody.push((word.name.clone(), word.person));
            self.join(&word.name, index);
        }
        if owned.is_some_and(|owner| owner != index)
            && let Some(cluster) = self.clusters.get_mut(index)
        {
            let email = word.email.unwrap_or_default();
            cluster.contested.insert(word.name, (word.version, email));
            return;
        }
        self.give(word.name, index, word.version, word.email);
    }

    /// A person of this cluster has an e-mail, which is nobody's or the cluster's, or has none.
    fn give(&mut self, name: Name, index: usize, version: Version, email: Option<String>) {
        let index = match &email {
            Some(email) if self.is_another(&name, index, email) => self.part(&name, index, email),
            _ => index,
        };
        let Some(cluster) = self.clusters.get_mut(index) else {
            return;
        };
        cluster.contested.remove(&name);
        let before = cluster
            .emails
            .get(&name)
            .and_then(|(_, email)| email.clone());
        if let Some(left) = before.filter(|before| email.as_ref() != Some(before))
            && cluster.forget(&left, &name)
        {
            self.owner.remove(&left);
        }
        if let Some(email) = &email {
            self.owner.insert(email.clone(), index);
            let bearers = cluster.bearers.entry(email.clone()).or_default();
            bearers.insert(name.clone());
        }
        cluster.emails.insert(name, (version, email));
    }

    /// Whether a person of the same source stays behind under another e-mail, and so is somebody else.
    fn is_another(&self, name: &Name, index: usize, email: &str) -> bool {
        let Some(cluster) = self.clusters.get(index) else {
            return false;
        };
        let Some(source) = name.0 else { return false };
        let before = cluster.emails.get(name).map(|(_, email)| email.as_deref());
        if before.is_none_or(|before| before == Some(email)) {
            return false;
        }
        let there = cluster.of_source.get(&source).copied().unwrap_or_default();
        let alike = cluster.bearers.get(email).into_iter().flatten();
        there > 1 + alike.filter(|other| other.0 == Some(source)).count()
    }

    /// Makes a cluster of a person and of all who bear the person's new e-mail already.
    fn part(&mut self, name: &Name, from: usize, email: &str) -> usize {
        let to = self.clusters.len();
        self.clusters.push(Cluster::default());
        let mut movers = BTreeSet::from([name.clone()]);
        if let Some(cluster) = self.clusters.get_mut(from) {
            movers.extend(cluster.bearers.get(email).into_iter().flatten().cloned());
        }
        for mover in movers {
            let Some(cluster) = self.clusters.get_mut(from) else {
                continue;
            };
            let said = cluster.emails.remove(&mover);
            let claim = cluster.contested.remove(&mover);
            if let Some(left) = said.as_ref().and_then(|(_, email)| email.clone())
                && cluster.forget(&left, &mover)
            {
                self.owner.remove(&left);
            }
            if let Some(count) = mover
                .0
                .and_then(|source| cluster.of_source.get_mut(&source))
            {
                *count = count.saturating_sub(1);
            }
            self.join(&mover, to);
            let Some(cluster) = self.clusters.get_mut(to) else {
                continue;
            };
            cluster
                .contested
                .extend(claim.map(|claim| (mover.clone(), claim)));
            if mover == *name {
                continue;
            }
            cluster
                .bearers
                .entry(email.to_owned())
                .or_default()
                .insert(mover.clone());
            cluster.emails.extend(said.map(|said| (mover, said)));
        }
        to
    }

    fn join(&mut self, name: &Name, index: usize) {
        self.of_person.insert(name.clone(), index);
        if let (Some(source), Some(cluster)) = (name.0, self.clusters.get_mut(index)) {
            *cluster.of_source.entry(source).or_default() += 1;
        }
    }

    /// What was another's when it was said may have become free since; whoever takes it may leave another free.
    fn settle_contests(&mut self) {
        while self.settle_some() {}
    }

    fn settle_some(&mut self) -> bool {
        let claims = self.clusters.iter().flat_map(|cluster| &cluster.contested);
        let mut claims: Vec<(Version, Name, String)> = claims
            .map(|(name, (version, email))| (version.clone(), name.clone(), email.clone()))
            .collect();
        claims.sort();
        let mut is_any = false;
        for (version, name, email) in claims {
            let Some(index) = self.of_person.get(&name).copied() else {
                continue;
            };
            if self.owner.get(&email).is_none_or(|owner| *owner == index) {
                self.give(name, index, version, Some(email));
                is_any = true;
            }
        }
        is_any
    }

    fn into_somebodies(self) -> Vec<Somebody> {
        let mut all: Vec<Somebody> = self
            .clusters
            .into_iter()
            .map(Cluster::into_somebody)
            .collect();
        for (name, person) in self.everybody {
            let index = self.of_person.get(&name).copied();
            if let Some(somebody) = index.and_then(|index| all.get_mut(index)) {
                somebody.persons.push(person);
            }
        }
        all.retain(|somebody| !somebody.persons.is_empty());
        all
    }
}

impl Cluster {
    /// Somebody bears an e-mail no more; whether nobody does.
    fn forget(&mut self, email: &str, name: &Name) -> bool {
        let Some(bearers) = self.bearers.get_mut(email) else {
            return true;
        };
        bearers.remove(name);
        let is_free = bearers.is_empty();
        if is_free {
            self.bearers.remove(email);
        }
        is_free
    }

    fn into_somebody(self) -> Somebody {
        let latest = self
            .emails
            .into_iter()
            .filter_map(|(name, (version, email))| Some((version, name, email?)))
            .max();
        let claims = self.contested.into_iter();
        let claim = claims
            .map(|(name, (version, email))| (version, name, email))
            .max();
        Somebody {
            persons: Vec::new(),
            email: latest.map(|(_, _, email)| email),
            contested: claim.map(|(_, _, email)| email),
            shared: self.of_source.values().any(|count| *count > 1),
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

    #[test]
    fn two_people_who_shared_an_email_are_parted_by_another() {
        let shared = vec![word(1, 1, 1, Some("a")), word(2, 2, 1, Some("a"))];
        let parted = [shared.clone(), vec![word(3, 2, 1, Some("b"))]].concat();
        let repeated = [parted.clone(), vec![word(4, 1, 1, Some("a"))]].concat();
        for words in [parted, repeated] {
            let all = resolve(words, []);
            let emails: Vec<_> = all.iter().map(|one| one.email.as_deref()).collect();
            assert_eq!(emails, [Some("a"), Some("b")]);
            assert!(all.iter().all(|one| !one.shared && one.contested.is_none()));
        }
        // The first of them may be the one who leaves.
        let all = resolve([shared, vec![word(3, 1, 1, Some("b"))]].concat(), []);
        let emails: Vec<_> = all.iter().map(|one| one.email.as_deref()).collect();
        assert_eq!(emails, [Some("a"), Some("b")]);
        assert_eq!(all[1].persons, [Uuid::from_u128(1)]);
    }

    #[test]
    fn whoever_is_known_elsewhere_by_the_new_email_leaves_too() {
        let words = vec![
            word(1, 1, 1, Some("a")),
            word(2, 2, 1, Some("a")),
            word(3, 3, 2, Some("a")),
            word(4, 3, 2, Some("b")),
            word(5, 2, 1, Some("b")),
        ];
        let all = resolve(words, []);
        let people: Vec<_> = all.iter().map(|one| one.persons.len()).collect();
        assert_eq!(people, [1, 2]);
        assert_eq!(all[1].email.as_deref(), Some("b"));
    }

    #[test]
    fn an_email_that_became_free_parts_people_too() {
        let words = vec![
            word(1, 1, 1, Some("a")),
            word(2, 2, 1, Some("a")),
            word(3, 3, 1, Some("b")),
            word(4, 2, 1, Some("b")),
            word(5, 3, 1, Some("c")),
        ];
        let all = resolve(words, []);
        let mut emails: Vec<_> = all.iter().map(|one| one.email.as_deref()).collect();
        emails.sort_unstable();
        assert_eq!(emails, [Some("a"), Some("b"), Some("c")]);
    }

    #[test]
    fn of_equal_versions_the_name_decides_and_not_who_came_first() {
        for (first, second) in [(1, 2), (2, 1)] {
            let named = |person, source: u128, at, email| EmailWord {
                name: (Some(Uuid::from_u128(source)), "x".to_owned()),
                ..word(at, person, source, Some(email))
            };
            let words = vec![
                named(first, 1, 1, "a"),
                named(second, 2, 2, "a"),
                named(first, 1, 3, "b"),
                named(second, 2, 3, "c"),
            ];
            let all = resolve(words, []);
            assert_eq!(all[0].email.as_deref(), Some("c"), "{first} came first");
        }
    }

    proptest! {
        #[test]
        fn any_order_ends_alike(
            said in proptest::collection::vec((0i64..9, 0u128..5, proptest::option::of("[abc]")), 0..12),
            turns in any::<u64>(),
        ) {
            // Some words share a version, as those of one snapshot do, and our own ids are of the order of arrival.
            let words: Vec<_> = said
                .iter()
                .enumerate()
                .map(|(n, (at, person, email))| EmailWord {
                    version: Version { happened_at: Instant::from_micros(*at), key: (n / 2).to_string() },
                    ..word(*at, *person, person % 2, email.as_deref())
                })
                .collect();
            let mut seen = std::collections::HashSet::new();
            let words: Vec<_> = words
                .into_iter()
                .filter(|word| seen.insert((word.version.clone(), word.person)))
                .collect();
            let other = |id: Uuid| Uuid::from_u128(9 - id.as_u128());
            let mut shuffled: Vec<_> = words
                .iter()
                .map(|word| EmailWord { person: other(word.person), ..word.clone() })
                .collect();
            let mut state = turns | 1;
            for index in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                shuffled.swap(index, (state >> 33) as usize % (index + 1));
            }
            let mut came = resolve(shuffled, []);
            for one in &mut came {
                one.persons.iter_mut().for_each(|id| *id = other(*id));
            }
            prop_assert_eq!(resolve(words, []), came);
        }
    }
}
