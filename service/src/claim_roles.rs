//! What a claim of the identity provider permits: the club and the role of a person who signs in.

use crate::{
    id::{Kind, decode_as},
    store::row::Role,
};
use uuid::Uuid;

/// A role in a club; without a club, in the only one of this installation.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub role: Role,
    pub club: Option<Uuid>,
}

/// What each value of the claim stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleMap(Vec<(String, Grant)>);

impl RoleMap {
    /// Parses `VALUE=ROLE` or `VALUE=ROLE@CLUB`, several separated by semicolons. A value may contain `=`.
    pub fn parse(text: &str) -> Option<Self> {
        let entries = text.split(';').map(str::trim).filter(|it| !it.is_empty());
        let entry = |entry: &str| {
            let (value, grant) = entry.rsplit_once('=')?;
            // The id of a club contains no `=`.
            let value = value.trim();
            (!value.is_empty()).then_some((value.to_owned(), grant_of(grant)?))
        };
        entries.map(entry).collect::<Option<Vec<_>>>().map(Self)
    }

    /// What the values permit, in their order. Without a map, a value is itself `ROLE` or `ROLE@CLUB`.
    pub fn grants(&self, values: &[String]) -> Vec<Grant> {
        let of = |value: &String| -> Vec<Grant> {
            if self.0.is_empty() {
                return grant_of(value).into_iter().collect();
            }
            let mapped = self.0.iter().filter(|(known, _)| known == value);
            mapped.map(|(_, grant)| *grant).collect()
        };
        values.iter().flat_map(of).collect()
    }
}

fn grant_of(text: &str) -> Option<Grant> {
    let (role, club) = match text.trim().split_once('@') {
        Some((role, club)) => (role, Some(decode_as(Kind::Club, club.trim())?)),
        None => (text.trim(), None),
    };
    let role = match role.trim() {
        "ADMIN" => Role::Admin,
        "DESK" => Role::Desk,
        "READER" => Role::Reader,
        _ => return None,
    };
    Some(Grant { role, club })
}

/// The most powerful grant in the wanted club, or in the club of the first grant if none is wanted. `only` is the club of an
/// installation with one club.
pub fn choose(grants: &[Grant], wanted: Option<Uuid>, only: Option<Uuid>) -> Option<(Uuid, Role)> {
    let resolved: Vec<(Uuid, Role)> = grants
        .iter()
        .filter_map(|grant| Some((grant.club.or(only)?, grant.role)))
        .collect();
    let club = match wanted {
        Some(club) => club,
        None => resolved.first()?.0,
    };
    let power = |role: Role| match role {
        Role::Admin => 2,
        Role::Desk => 1,
        _ => 0,
    };
    let of_club = resolved.into_iter().filter(|(of, _)| *of == club);
    of_club.max_by_key(|(_, role)| power(*role))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::encode;

    fn values(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_map_gives_each_value_its_role() {
        let club = Uuid::from_u128(5);
        let text = format!(
            "cn=door admins,ou=x=ADMIN; desk=DESK@{};",
            encode(Kind::Club, club)
        );
        let map = RoleMap::parse(&text).unwrap();
        let grants = map.grants(&values(&["desk", "other", "cn=door admins,ou=x", "ADMIN"]));
        let desk = Grant {
            role: Role::Desk,
            club: Some(club),
        };
        let admin = Grant {
            role: Role::Admin,
            club: None,
        };
        assert_eq!(grants, [desk, admin]);
        for wrong in [
            "desk",
            "=ADMIN",
            "a=OWNER",
            "a=ADMIN@nowhere",
            "a=MEMBER",
            "a=APP",
        ] {
            assert_eq!(RoleMap::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn without_a_map_the_values_are_roles() {
        let grants = RoleMap::default().grants(&values(&["READER", "everyone"]));
        assert_eq!(
            grants,
            [Grant {
                role: Role::Reader,
                club: None
            }]
        );
    }

    #[test]
    fn a_role_without_a_club_counts_only_where_there_is_one_club() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let grant = |role, club| Grant { role, club };
        let bare = [grant(Role::Desk, None), grant(Role::Admin, None)];
        assert_eq!(choose(&bare, None, Some(one)), Some((one, Role::Admin)));
        assert_eq!(choose(&bare, None, None), None);
        assert_eq!(choose(&bare, Some(two), Some(one)), None);
        let both = [
            grant(Role::Reader, Some(two)),
            grant(Role::Admin, Some(one)),
            grant(Role::Desk, Some(two)),
        ];
        assert_eq!(choose(&both, None, None), Some((two, Role::Desk)));
        assert_eq!(choose(&both, Some(one), None), Some((one, Role::Admin)));
        assert_eq!(choose(&[], None, Some(one)), None);
    }
}
