//! Reads the rows that holdings are built from, in steps: the members' people, then their entitlements, then what depends on
//! those. The statements of a step run concurrently, or one after the other if there is only one connection. Their number has
//! a fixed limit for one chunk of members.

use crate::bulk::{self, by_ids, distinct, select_by_ids};
use std::{cmp::Reverse, sync::Arc};

use entity::{
    company_person, company_version, entitlement_person, entitlement_version,
    kind::{CompanyAspect, EntitlementKind, PersonAspect},
    location, person, person_past, person_version, share, source, source_version, suspension,
};
use futures_util::future::{try_join, try_join3};
use sea_orm::{
    ActiveEnum, ColumnTrait, ConnectionTrait, DatabaseBackend, EntityName, EntityTrait, JoinType,
    QueryFilter, QuerySelect, QueryTrait, Select, Statement,
    sea_query::{Expr, ExprTrait, SelectStatement, UnionType},
};
use uuid::Uuid;

use super::{
    AsOf, ClubScope, LoadedParts, StoreError,
    decode::Values,
    rows::{
        Beside, Blocked, Columns, CompanyEnd, FromRow, Pair, Person, Rows, Stated, Version, Words,
        named_people, named_sources, version_rows,
    },
    statement_cache,
};
use crate::{
    bulk::MOST_VALUES,
    map::{Map, Set},
    repeats,
    scope::OfClub,
};

/// What to read for which club, and at which point in time.
pub struct Reader<'a, C> {
    pub connection: &'a C,
    pub scope: ClubScope,
    pub as_of: AsOf,
    pub asked: LoadedParts,
}

/// The entitlements that reach people through companies.
#[derive(Default)]
struct OfCompanies {
    pairs: Vec<Pair>,
    ends: Map<Uuid, Version>,
    stated: Vec<Stated>,
}

impl<C: ConnectionTrait> Reader<'_, C> {
    /// The rows of these members, who must be few enough for one statement.
    pub async fn rows(&self, members: &[Uuid]) -> Result<Rows, StoreError> {
        let past = self.past(members).await?;
        let (column, whose) = match &past {
            None => (person::Column::MemberId, members.to_vec()),
            Some(past) => (person::Column::Id, past.keys().copied().collect()),
        };
        let (version_rows, (shares, suspensions)) =
            try_join(self.version_rows(column, &whose), self.overrides(members)).await?;
        let Words {
            mut persons,
            sources,
            reached,
        } = version_rows;
        for (id, member) in past.into_iter().flatten() {
            if let Some(person) = persons.get_mut(&id) {
                person.member_id = member;
            }
        }
        let people: Vec<Uuid> = persons.keys().copied().collect();
        let where_any = |any: bool| if any { people.as_slice() } else { &[] };
        let (own, parts, companies) = try_join3(
            self.own(&people),
            self.parts(where_any(reached.parts)),
            Box::pin(self.of_companies(where_any(reached.companies))),
        )
        .await?;
        let mut rows = Rows {
            persons,
            sources,
            pairs: companies.pairs,
            company_ends: companies.ends,
            shares,
            suspensions,
            ..Rows::default()
        };
        let mut stated = own;
        stated.extend(companies.stated);
        for (beside, of) in parts {
            rows.beside.push(beside);
            stated.push(of);
        }
        (rows.history, rows.holders) =
            try_join(self.history(&stated), self.holders(&stated, &rows.persons)).await?;
        let stated = stated.into_iter();
        let stated = stated.map(|version| (version.entitlement_id, Arc::new(version)));
        rows.stated = stated.collect();
        Ok(rows)
    }

    /// For a read at an instant: the people that belonged to these members then, with their member, by person id. `None` for a
    /// read of the present, because each person row has its current member.
    async fn past(&self, members: &[Uuid]) -> Result<Option<Map<Uuid, Uuid>>, StoreError> {
        use person_past::Column;
        let AsOf::At(at) = self.as_of else {
            return Ok(None);
        };
        let now = self.scope.find_for_ids::<person::Entity>();
        let then = self.scope.find_for_ids::<person_past::Entity>();
        let then = then.filter(Column::SupersededAt.gt(at));
        let (now, past) = try_join(
            select_by_ids(self.connection, now, person::Column::MemberId, members),
            select_by_ids(self.connection, then.clone(), Column::MemberId, members),
        )
        .await?;
        let mut whose: Map<Uuid, Uuid> = Map::default();
        whose.extend(now.into_iter().map(|person| (person.id, person.member_id)));
        whose.extend(past.into_iter().map(|row| (row.person_id, row.member_id)));
        let people: Vec<Uuid> = whose.keys().copied().collect();
        let mut moves = select_by_ids(self.connection, then, Column::PersonId, &people).await?;
        // If a person moved several times since then, the earliest move has the member of that instant.
        moves.sort_by_key(|row| (Reverse(row.superseded_at), Reverse(row.id)));
        whose.extend(moves.into_iter().map(|row| (row.person_id, row.member_id)));
        let requested: Set<Uuid> = members.iter().copied().collect();
        whose.retain(|_, member| requested.contains(member));
        Ok(Some(whose))
    }

    /// The rows of `select` whose column is one of `ids`; runs no statement if `ids` is empty.
    async fn fetch_by_ids<E: OfClub, R: Columns>(
        &self,
        name: &'static str,
        select: impl Fn() -> Select<E>,
        column: impl ColumnTrait,
        ids: &[Uuid],
    ) -> Result<Vec<R>, StoreError> {
        let mut rows = Vec::new();
        for chunk in distinct(ids.iter().copied()).chunks(MOST_VALUES) {
            let query = self.fetch_cached(name, chunk, || {
                let select = R::select(select().select_only()).into_query();
                by_ids(self.connection, select, column, chunk)
            });
            rows.extend(query.await?);
        }
        Ok(rows)
    }

    /// The rows of a query. The statement is cached by `name`, except for reads at an instant.
    async fn fetch_cached<R: FromRow>(
        &self,
        name: &'static str,
        ids: &[Uuid],
        select: impl FnOnce() -> SelectStatement,
    ) -> Result<Vec<R>, StoreError> {
        let statement = match self.as_of {
            AsOf::Now => {
                statement_cache::statement(self.connection, name, (self.scope, ids), select)
            }
            AsOf::At(_) => self.connection.get_database_backend().build(&select()),
        };
        self.fetch(statement).await
    }

    async fn fetch<R: FromRow>(&self, statement: Statement) -> Result<Vec<R>, StoreError> {
        let rows = self.connection.query_all_raw(statement).await?;
        let rows = rows.iter().map(|row| R::take(&mut Values::of(row)));
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// People and the club's sources, with their versions.
    async fn version_rows(
        &self,
        column: person::Column,
        ids: &[Uuid],
    ) -> Result<Words, StoreError> {
        let name = match (self.asked, column) {
            (LoadedParts::Entitlements, person::Column::Id) => "person ends by id",
            (LoadedParts::Entitlements, _) => "person ends by member",
            (LoadedParts::Everything, person::Column::Id) => "person versions by id",
            (LoadedParts::Everything, _) => "person versions by member",
        };
        let mut rows = Vec::new();
        for chunk in distinct(ids.iter().copied()).chunks(MOST_VALUES) {
            let query = self.fetch_cached(name, chunk, || {
                let mut people = self.people(column, chunk);
                let sources = named_sources(self.sources().select_only()).into_query();
                people.union(UnionType::All, sources).take()
            });
            rows.extend(query.await?);
        }
        version_rows(rows)
    }

    /// People with their versions.
    fn people(&self, column: person::Column, ids: &[Uuid]) -> SelectStatement {
        use person_version::Column;
        // Constants instead of parameters, so that the planner can tell that the index of ended people applies.
        let mut aspects = vec![PersonAspect::Deleted, PersonAspect::AbsentFromSnapshot];
        if self.asked == LoadedParts::Everything {
            aspects.push(PersonAspect::Tags);
        }
        let aspects = aspects.iter().map(|aspect| aspect.to_value().into());
        let is = Expr::col(Column::Aspect).is_in(aspects.map(Expr::Constant));
        let current = self.as_of.current(Column::LearnedAt, Column::SupersededAt);
        let of_person = Expr::col((person_version::Entity, Column::PersonId))
            .equals((person::Entity, person::Column::Id));
        let versions = current.add(is).add(of_person);
        let people = self.scope.find_for_ids::<person::Entity>();
        let mut named = named_people(people.clone().select_only()).into_query();
        if self.connection.get_database_backend() == DatabaseBackend::Postgres {
            let people = by_ids(self.connection, people.into_query(), column, ids);
            let versions = person_version::Entity::find().filter(versions).into_query();
            return bulk::postgres::from_apart(
                named,
                (people, person::Entity.table_name()),
                (versions, person_version::Entity.table_name()),
            );
        }
        named.left_join(person_version::Entity, versions);
        by_ids(self.connection, named, column, ids)
    }

    /// The club's sources with their snapshot watermarks.
    fn sources(&self) -> Select<source::Entity> {
        use source_version::Column;
        let known = self.as_of;
        let floors = source::Entity::belongs_to(source_version::Entity)
            .from(source::Column::Id)
            .to(Column::SourceId)
            .on_condition(move |_, _| known.current(Column::LearnedAt, Column::SupersededAt));
        let sources = self.scope.find::<source::Entity>();
        sources.join(JoinType::LeftJoin, floors.into())
    }

    /// Current versions of entitlements that are not deleted, with their location.
    fn current(&self) -> Select<entitlement_version::Entity> {
        use entitlement_version::{Column, Entity};
        let place = Entity::belongs_to(location::Entity)
            .from(Column::LocationId)
            .to(location::Column::Id);
        self.scope
            .find_for_ids::<Entity>()
            .filter(self.as_of.current(Column::LearnedAt, Column::SupersededAt))
            .filter(Column::Deleted.into_expr().not())
            .join(JoinType::LeftJoin, place.into())
    }

    /// The entitlements that people hold themselves.
    async fn own(&self, persons: &[Uuid]) -> Result<Vec<Stated>, StoreError> {
        let holder = entitlement_version::Column::PersonId;
        self.fetch_by_ids("own entitlements", || self.current(), holder, persons)
            .await
    }

    /// The entitlements of others that people participate in.
    async fn parts(&self, persons: &[Uuid]) -> Result<Vec<(Beside, Stated)>, StoreError> {
        use entitlement_person::Column;
        let parts = || {
            let beside = entitlement_version::Entity::belongs_to(entitlement_person::Entity)
                .from(entitlement_version::Column::Id)
                .to(Column::VersionId);
            self.current().join(JoinType::InnerJoin, beside.into())
        };
        self.fetch_by_ids("shared entitlements", parts, Column::PersonId, persons)
            .await
    }

    /// The companies that people are in, their ends, and their entitlements.
    async fn of_companies(&self, persons: &[Uuid]) -> Result<OfCompanies, StoreError> {
        use company_person::Column as In;
        use company_version::Column as Word;
        let pairs = || {
            self.scope
                .find_for_ids::<company_person::Entity>()
                .filter(self.as_of.current(In::LearnedAt, In::SupersededAt))
                .filter(In::Present.into_expr())
        };
        let pairs: Vec<Pair> = self
            .fetch_by_ids("company members", pairs, In::PersonId, persons)
            .await?;
        let companies = distinct(pairs.iter().map(|pair| pair.company_id));
        let over = || {
            self.scope
                .find_for_ids::<company_version::Entity>()
                .filter(self.as_of.current(Word::LearnedAt, Word::SupersededAt))
                .filter(
                    Word::Aspect.is_in([CompanyAspect::Deleted, CompanyAspect::AbsentFromSnapshot]),
                )
        };
        let of_company = entitlement_version::Column::CompanyId;
        let (over, stated) = try_join(
            self.fetch_by_ids("company ends", over, Word::CompanyId, &companies),
            self.fetch_by_ids(
                "company entitlements",
                || self.current(),
                of_company,
                &companies,
            ),
        )
        .await?;
        let mut ends: Map<Uuid, Version> = Map::default();
        for CompanyEnd {
            company_id,
            happened_at,
            version_key,
        } in over
        {
            let end = ends.entry(company_id).or_default();
            *end = std::mem::take(end).max((happened_at, version_key));
        }
        Ok(OfCompanies {
            pairs,
            ends,
            stated,
        })
    }

    /// The shares and suspensions of members.
    async fn overrides(
        &self,
        members: &[Uuid],
    ) -> Result<(Vec<share::Model>, Vec<suspension::Model>), StoreError> {
        if self.asked == LoadedParts::Entitlements {
            return Ok((Vec::new(), Vec::new()));
        }
        let shares = self.scope.find_for_ids::<share::Entity>().filter(
            self.as_of
                .current(share::Column::LearnedAt, share::Column::SupersededAt),
        );
        let suspensions =
            self.scope
                .find_for_ids::<suspension::Entity>()
                .filter(self.as_of.current(
                    suspension::Column::LearnedAt,
                    suspension::Column::SupersededAt,
                ));
        try_join(
            select_by_ids(self.connection, shares, share::Column::MemberId, members),
            select_by_ids(
                self.connection,
                suspensions,
                suspension::Column::MemberId,
                members,
            ),
        )
        .await
    }

    /// All versions of those memberships that were ever blocked.
    async fn history(&self, stated: &[Stated]) -> Result<Map<Uuid, Vec<Blocked>>, StoreError> {
        use entitlement_version::{Column, Entity};
        // Only decisions need past blocks; the current version contains the current block.
        let memberships = stated.iter().filter(|version| {
            version.kind == EntitlementKind::Membership && self.asked == LoadedParts::Everything
        });
        let memberships = distinct(memberships.map(|version| version.entitlement_id));
        let mut ever = self.scope.find_for_ids::<Entity>();
        if let AsOf::At(at) = self.as_of {
            ever = ever.filter(Column::LearnedAt.lte(at));
        }
        let mut history: Map<Uuid, Vec<Blocked>> = Map::default();
        for chunk in memberships.chunks(MOST_VALUES) {
            let blocked = self
                .scope
                .find_for_ids::<Entity>()
                .select_only()
                .column(Column::EntitlementId)
                .filter(Column::BlockSince.is_not_null())
                .into_query();
            let blocked = by_ids(self.connection, blocked, Column::EntitlementId, chunk);
            let of_blocked = ever.clone().select_only();
            let of_blocked =
                Blocked::select(of_blocked).filter(Column::EntitlementId.in_subquery(blocked));
            let backend = self.connection.get_database_backend();
            let rows: Vec<Blocked> = self.fetch(of_blocked.build(backend)).await?;
            for row in rows {
                let of_membership = history.entry(row.entitlement_id).or_default();
                for version in repeats::parse(row.repeats.as_deref())? {
                    of_membership.push(Blocked {
                        happened_at: version.happened_at.micros(),
                        version_key: version.key,
                        repeats: None,
                        ..row
                    });
                }
                of_membership.push(row);
            }
        }
        Ok(history)
    }

    /// The holders of entitlements that others participate in, with their versions.
    async fn holders(
        &self,
        stated: &[Stated],
        persons: &Map<Uuid, Person>,
    ) -> Result<Map<Uuid, Person>, StoreError> {
        let holders = stated.iter().filter_map(|version| version.person_id);
        let holders = distinct(holders.filter(|id| !persons.contains_key(id)));
        let version_rows = self.version_rows(person::Column::Id, &holders).await?;
        Ok(version_rows.persons)
    }
}
