//! Reads the rows that holdings are built of, step by step, each all at once: who the members are, what those people hold, and
//! what hangs on that. Over one connection that is one after the other. At most a fixed number of statements, however many members.

use std::{cmp::Reverse, sync::Arc};

use entity::{
    company_person, company_version, entitlement_person, entitlement_version,
    kind::{CompanyAspect, EntitlementKind, PersonAspect},
    location, person, person_past, person_version, share, source, source_version, suspension,
};
use futures_util::future::{try_join, try_join3};
use sea_orm::{
    ActiveEnum, ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QuerySelect,
    QueryTrait, Select, Statement,
    sea_query::{Expr, ExprTrait, SelectStatement, UnionType},
};
use uuid::Uuid;

use super::{
    Asked, Known, Scope, StoreError, among,
    cells::Values,
    one_of,
    rows::{
        Beside, Blocked, CompanyEnd, Narrow, Pair, Person, Rows, Stated, Take, Version, Words,
        named_people, named_sources, words,
    },
    texts,
};
use crate::{
    map::{Map, Set},
    store::{bulk::MOST_VALUES, scope::OfClub},
};

/// What is read for whom, and as of when.
pub struct Reader<'a, C> {
    pub connection: &'a C,
    pub scope: Scope,
    pub known: Known,
    pub asked: Asked,
}

/// What reaches people by way of companies.
#[derive(Default)]
struct OfCompanies {
    pairs: Vec<Pair>,
    ends: Map<Uuid, Version>,
    stated: Vec<Stated>,
}

impl<C: ConnectionTrait> Reader<'_, C> {
    /// For these members; they are few enough for one statement.
    pub async fn rows(&self, members: &[Uuid]) -> Result<Rows, StoreError> {
        let past = self.past(members).await?;
        let (column, whose) = match &past {
            None => (person::Column::MemberId, members.to_vec()),
            Some(past) => (person::Column::Id, past.keys().copied().collect()),
        };
        let (words, (shares, suspensions)) =
            try_join(self.words(column, &whose), self.overrides(members)).await?;
        let Words {
            mut persons,
            sources,
            reached,
        } = words;
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
        let stated = stated.map(|one| (one.entitlement_id, Arc::new(one)));
        rows.stated = stated.collect();
        Ok(rows)
    }

    /// Of what was known at an instant: the people who were one of the members then, and of which. None of what is known now,
    /// since each person says that.
    async fn past(&self, members: &[Uuid]) -> Result<Option<Map<Uuid, Uuid>>, StoreError> {
        use person_past::Column;
        let Known::At(at) = self.known else {
            return Ok(None);
        };
        let now = self.scope.among::<person::Entity>();
        let then = self.scope.among::<person_past::Entity>();
        let then = then.filter(Column::SupersededAt.gt(at));
        let (now, were) = try_join(
            among(self.connection, now, person::Column::MemberId, members),
            among(self.connection, then.clone(), Column::MemberId, members),
        )
        .await?;
        let mut whose: Map<Uuid, Uuid> = Map::default();
        whose.extend(now.into_iter().map(|one| (one.id, one.member_id)));
        whose.extend(were.into_iter().map(|one| (one.person_id, one.member_id)));
        let people: Vec<Uuid> = whose.keys().copied().collect();
        let mut moves = among(self.connection, then, Column::PersonId, &people).await?;
        // Of several moves since then, the first one's is whose the person was.
        moves.sort_by_key(|one| (Reverse(one.superseded_at), Reverse(one.id)));
        whose.extend(moves.into_iter().map(|one| (one.person_id, one.member_id)));
        let asked: Set<Uuid> = members.iter().copied().collect();
        whose.retain(|_, member| asked.contains(member));
        Ok(Some(whose))
    }

    /// The rows of a query whose column is among ids; no statement at all where there are none.
    async fn narrow<E: OfClub, R: Narrow>(
        &self,
        name: &'static str,
        select: impl Fn() -> Select<E>,
        column: impl ColumnTrait,
        ids: &[Uuid],
    ) -> Result<Vec<R>, StoreError> {
        let mut rows = Vec::new();
        for chunk in ids.chunks(MOST_VALUES) {
            let found = self.found(name, chunk, || {
                let select = select().filter(one_of(self.connection, column, chunk));
                R::select(select.select_only()).into_query()
            });
            rows.extend(found.await?);
        }
        Ok(rows)
    }

    /// The rows of a query. What hangs on an instant, too, is put together anew each time.
    async fn found<R: Take>(
        &self,
        name: &'static str,
        ids: &[Uuid],
        select: impl FnOnce() -> SelectStatement,
    ) -> Result<Vec<R>, StoreError> {
        let statement = match self.known {
            Known::Now => texts::statement(self.connection, name, (self.scope, ids), select),
            Known::At(_) => self.connection.get_database_backend().build(&select()),
        };
        self.taken(statement).await
    }

    async fn taken<R: Take>(&self, statement: Statement) -> Result<Vec<R>, StoreError> {
        let rows = self.connection.query_all_raw(statement).await?;
        let rows = rows.iter().map(|row| R::take(&mut Values::of(row)));
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// People, and the club's sources, with what is said of them.
    async fn words(&self, column: person::Column, ids: &[Uuid]) -> Result<Words, StoreError> {
        let name = match (self.asked, column) {
            (Asked::Entitlements, person::Column::Id) => "ends of people",
            (Asked::Entitlements, _) => "ends of members",
            (Asked::Everything, person::Column::Id) => "words of people",
            (Asked::Everything, _) => "words of members",
        };
        let mut rows = Vec::new();
        for chunk in ids.chunks(MOST_VALUES) {
            let found = self.found(name, chunk, || {
                let people = self.people().filter(one_of(self.connection, column, chunk));
                let mut people = named_people(people.select_only()).into_query();
                let sources = named_sources(self.sources().select_only()).into_query();
                people.union(UnionType::All, sources).take()
            });
            rows.extend(found.await?);
        }
        words(rows)
    }

    fn people(&self) -> Select<person::Entity> {
        use person_version::Column;
        let (known, asked) = (self.known, self.asked);
        let words = person::Entity::belongs_to(person_version::Entity)
            .from(person::Column::Id)
            .to(Column::PersonId)
            .on_condition(move |_, _| {
                // Written out, so that the index of those that end somebody is known to do.
                let mut aspects = vec![PersonAspect::Deleted, PersonAspect::Unlisted];
                if asked == Asked::Everything {
                    aspects.push(PersonAspect::Tags);
                }
                let aspects = aspects.iter().map(|aspect| aspect.to_value().into());
                let is = Expr::col(Column::Aspect).is_in(aspects.map(Expr::Constant));
                let standing = known.standing(Column::LearnedAt, Column::SupersededAt);
                standing.add(is)
            });
        let people = self.scope.among::<person::Entity>();
        people.join(JoinType::LeftJoin, words.into())
    }

    /// The club's sources, with the floors of their kinds.
    fn sources(&self) -> Select<source::Entity> {
        use source_version::Column;
        let known = self.known;
        let floors = source::Entity::belongs_to(source_version::Entity)
            .from(source::Column::Id)
            .to(Column::SourceId)
            .on_condition(move |_, _| known.standing(Column::LearnedAt, Column::SupersededAt));
        let sources = self.scope.find::<source::Entity>();
        sources.join(JoinType::LeftJoin, floors.into())
    }

    /// What was said, and not taken back, with the place that it is of.
    fn standing(&self) -> Select<entitlement_version::Entity> {
        use entitlement_version::{Column, Entity};
        let place = Entity::belongs_to(location::Entity)
            .from(Column::LocationId)
            .to(location::Column::Id);
        self.scope
            .among::<Entity>()
            .filter(self.known.standing(Column::LearnedAt, Column::SupersededAt))
            .filter(Column::Deleted.into_expr().not())
            .join(JoinType::LeftJoin, place.into())
    }

    /// What people hold themselves.
    async fn own(&self, persons: &[Uuid]) -> Result<Vec<Stated>, StoreError> {
        let holder = entitlement_version::Column::PersonId;
        self.narrow("own", || self.standing(), holder, persons)
            .await
    }

    /// What people have a part in.
    async fn parts(&self, persons: &[Uuid]) -> Result<Vec<(Beside, Stated)>, StoreError> {
        use entitlement_person::Column;
        let parts = || {
            let beside = entitlement_version::Entity::belongs_to(entitlement_person::Entity)
                .from(entitlement_version::Column::Id)
                .to(Column::VersionId);
            self.standing().join(JoinType::InnerJoin, beside.into())
        };
        self.narrow("parts", parts, Column::PersonId, persons).await
    }

    /// The companies that people are in, when each ended, and what they hold.
    async fn of_companies(&self, persons: &[Uuid]) -> Result<OfCompanies, StoreError> {
        use company_person::Column as In;
        use company_version::Column as Word;
        let pairs = || {
            self.scope
                .among::<company_person::Entity>()
                .filter(self.known.standing(In::LearnedAt, In::SupersededAt))
                .filter(In::Present.into_expr())
        };
        let pairs: Vec<Pair> = self.narrow("pairs", pairs, In::PersonId, persons).await?;
        let companies = distinct(pairs.iter().map(|pair| pair.company_id));
        let over = || {
            self.scope
                .among::<company_version::Entity>()
                .filter(self.known.standing(Word::LearnedAt, Word::SupersededAt))
                .filter(Word::Aspect.is_in([CompanyAspect::Deleted, CompanyAspect::Unlisted]))
        };
        let of_company = entitlement_version::Column::CompanyId;
        let (over, stated) = try_join(
            self.narrow("ends of companies", over, Word::CompanyId, &companies),
            self.narrow("of companies", || self.standing(), of_company, &companies),
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

    /// What was given to members by hand, and what shuts everything to them.
    async fn overrides(
        &self,
        members: &[Uuid],
    ) -> Result<(Vec<share::Model>, Vec<suspension::Model>), StoreError> {
        if self.asked == Asked::Entitlements {
            return Ok((Vec::new(), Vec::new()));
        }
        let shares = self.scope.among::<share::Entity>().filter(
            self.known
                .standing(share::Column::LearnedAt, share::Column::SupersededAt),
        );
        let suspensions = self
            .scope
            .among::<suspension::Entity>()
            .filter(self.known.standing(
                suspension::Column::LearnedAt,
                suspension::Column::SupersededAt,
            ));
        try_join(
            among(self.connection, shares, share::Column::MemberId, members),
            among(
                self.connection,
                suspensions,
                suspension::Column::MemberId,
                members,
            ),
        )
        .await
    }

    /// All that was ever said of the memberships that were ever blocked.
    async fn history(&self, stated: &[Stated]) -> Result<Map<Uuid, Vec<Blocked>>, StoreError> {
        use entitlement_version::{Column, Entity};
        // Blocks are for decisions; that there is one now, the version that stands says itself.
        let memberships = stated.iter().filter(|one| {
            one.kind == EntitlementKind::Membership && self.asked == Asked::Everything
        });
        let memberships = distinct(memberships.map(|one| one.entitlement_id));
        let mut ever = self.scope.among::<Entity>();
        if let Known::At(at) = self.known {
            ever = ever.filter(Column::LearnedAt.lte(at));
        }
        let mut history: Map<Uuid, Vec<Blocked>> = Map::default();
        for chunk in memberships.chunks(MOST_VALUES) {
            let blocked = self
                .scope
                .among::<Entity>()
                .select_only()
                .column(Column::EntitlementId)
                .filter(Column::BlockSince.is_not_null())
                .filter(one_of(self.connection, Column::EntitlementId, chunk))
                .into_query();
            let of_blocked = ever.clone().select_only();
            let of_blocked =
                Blocked::select(of_blocked).filter(Column::EntitlementId.in_subquery(blocked));
            let backend = self.connection.get_database_backend();
            let rows: Vec<Blocked> = self.taken(of_blocked.build(backend)).await?;
            for row in rows {
                history.entry(row.entitlement_id).or_default().push(row);
            }
        }
        Ok(history)
    }

    /// Those who hold what others have a part in, with what is said of them.
    async fn holders(
        &self,
        stated: &[Stated],
        persons: &Map<Uuid, Person>,
    ) -> Result<Map<Uuid, Person>, StoreError> {
        let holders = stated.iter().filter_map(|one| one.person_id);
        let holders = distinct(holders.filter(|id| !persons.contains_key(id)));
        let words = self.words(person::Column::Id, &holders).await?;
        Ok(words.persons)
    }
}

fn distinct(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    ids.collect::<Set<_>>().into_iter().collect()
}
