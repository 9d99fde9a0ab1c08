//! Tests of the setup without Kisi: finding a place by name, and reducing a setup to one place.

use super::*;

fn place(kisi_id: i64, name: &str) -> Place {
    let id = Uuid::from_u128(kisi_id.unsigned_abs().into());
    Place {
        id,
        club_id: Uuid::nil(),
        account_id: Uuid::nil(),
        kisi_id,
        name: name.to_owned(),
        folded_name: String::new(),
        time_zone: None,
        missing_since: None,
        gone_at: None,
    }
}

#[test]
fn a_place_is_found_by_number_then_name_then_any_case() {
    let places = vec![
        place(7, "12"),
        place(12, "House"),
        place(13, "house"),
        place(14, "Shed"),
        place(15, "shed "),
    ];
    let setup = Setup {
        places,
        ..Setup::default()
    };
    assert_eq!(place_named(&setup, " 12 "), Ok(Some(12)));
    assert_eq!(place_named(&setup, "house"), Ok(Some(13)));
    assert_eq!(place_named(&setup, "Shed"), Ok(Some(14)));
    assert_eq!(place_named(&setup, "HOUSE"), Err(AmbiguousPlaceName));
    assert_eq!(place_named(&setup, "Annex"), Ok(None));
}

#[test]
fn one_place_keeps_its_own_groups_and_those_of_the_organization() {
    let (here, there) = (place(1, "Here"), place(2, "There"));
    let group = |kisi_id, place_id| Group {
        id: new_id(),
        club_id: Uuid::nil(),
        account_id: Uuid::nil(),
        kisi_id,
        place_id,
        name: String::new(),
        folded_name: String::new(),
        description: None,
        restrictions: 0,
        managed: false,
        strangers: StrangerPolicy::Keep,
        problem: None,
        missing_since: None,
        gone_at: None,
        read_at: None,
        evaluated_at: None,
    };
    let groups = vec![
        group(1, Some(here.id)),
        group(2, Some(there.id)),
        group(3, None),
    ];
    let mut setup = Setup {
        places: vec![here, there],
        locks: Vec::new(),
        groups,
    };
    restrict_to_place(&mut setup, 1);
    assert_eq!(setup.places.len(), 1);
    assert_eq!(
        setup
            .groups
            .iter()
            .map(|group| group.kisi_id)
            .collect::<Vec<_>>(),
        [1, 3]
    );
}
