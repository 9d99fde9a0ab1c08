//! A batch that is applied in slices has the effect that it has at once: the same facts, members, due marks and deliveries.

use proptest::prelude::*;
use serde_json::json;

use super::{any_order::story, membership, of, person, *};
use crate::store::scope::OfClub;

/// Everything about a club that does not depend on generated ids.
#[derive(Debug, PartialEq)]
struct Content {
    /// What each member holds, as text.
    held: Vec<String>,
    /// Names and e-mails of all members, with their problems.
    members: Vec<String>,
    /// The number of rows of each table of facts.
    rows: Vec<usize>,
}

impl TestClub {
    async fn content(&self) -> Content {
        let ids: Vec<Uuid> = self.names().await.into_keys().collect();
        let rows = lookup::by_ids::<row::Member>(self.db.read(), self.scope, &ids);
        let members = rows.await.unwrap().into_iter();
        let mut members: Vec<String> = members
            .map(|row| format!("{} {:?} {:?}", row.name, row.email, row.problems))
            .collect();
        members.sort();
        let mut held: Vec<String> = self.held().await.into_values().collect();
        held.sort();
        Content {
            held,
            members,
            rows: vec![
                self.count::<entity::person::Entity>().await,
                self.count::<entity::person_version::Entity>().await,
                self.count::<entity::company_version::Entity>().await,
                self.count::<entity::company_person::Entity>().await,
                self.count::<entity::source_version::Entity>().await,
                self.count::<entity::entitlement_version::Entity>().await,
                self.count::<entity::entitlement_person::Entity>().await,
                self.count::<entity::delivery_member::Entity>().await,
            ],
        }
    }

    async fn count<E: OfClub>(&self) -> usize {
        let all = self.scope.find::<E>().all(self.db.read()).await;
        all.unwrap().len()
    }

    /// Names and e-mails of these members.
    async fn called(&self, ids: BTreeSet<Uuid>) -> Vec<String> {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let rows = lookup::by_ids::<row::Member>(self.db.read(), self.scope, &ids);
        let rows = rows.await.unwrap().into_iter();
        let mut called: Vec<String> = rows
            .map(|row| format!("{} {:?}", row.name, row.email))
            .collect();
        called.sort();
        called
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the size of the slices, and however many events a batch has.
    #[test]
    fn slices_have_the_effect_of_the_whole(
        (told, most, at_once) in (story().prop_shuffle(), 1usize..4, 1usize..4),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (whole, sliced) = (TestClub::open().await, TestClub::open().await);
            for batch in told.chunks(at_once) {
                let due = whole.take_in(batch).await;
                let due_of_slices = sliced.take_in_slices(batch, most).await;
                let due = whole.called(due).await;
                assert_eq!(due, sliced.called(due_of_slices).await, "{batch:?} in {told:#?}");
                assert_eq!(whole.content().await, sliced.content().await, "{batch:?} in {told:#?}");
            }
        });
    }
}

/// The time of a block is computed from all versions of a membership, so a late one changes it: also one that is late only
/// because a later event came before it in the same batch.
#[tokio::test]
async fn an_event_that_is_late_within_its_batch_changes_a_block() {
    let block = json!({ "blocked": { "reason": "manual", "since": "2026-03-01T00:00:00Z" } });
    let blocked = |minute| {
        let data = membership("m", &person("cyd"), block.clone());
        ("membership.updated", minute, data)
    };
    let open = ("membership.updated", 2, of("m", "cyd"));
    for most in [1, usize::MAX] {
        let club = TestClub::open().await;
        club.take_in(&[blocked(1)]).await;
        let due = club.take_in_slices(&[blocked(4), open.clone()], most).await;
        assert_eq!(club.called(due).await.len(), 1, "slices of {most}");
    }
}
