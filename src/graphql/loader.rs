//! Loaders: what edges lead to, fetched for all who ask at once, in a fixed number of statements. Made anew for each
//! request and without a cache: what a mutation has just changed is seen by the fields of its payload.

use std::sync::Arc;

use access::Instant;
use async_graphql::{Context, Result};
use uuid::Uuid;

use super::{
    batch::{Batches, Loader},
    error::{inside, internal},
};
use crate::{
    app::App,
    decide::{Layout, Premises},
    map::Map,
    store::{
        Scope, StoreError, deliveries, due,
        facts::{self, Holdings, Known},
        grants, kisi_accounts, listeners, members, offerings, overrides,
        rejections::Rejected,
        row::{self, TargetKind},
        rules, setup, sources, sweep,
    },
};

/// Fetches rows of one club.
pub struct Rows {
    app: Arc<App>,
    scope: Scope,
}

/// The loaders of a request.
pub type Loaders = Batches<Rows>;

/// Makes the loaders of a request.
pub fn loaders(app: Arc<App>, scope: Scope) -> Loaders {
    Batches::new(Rows { app, scope })
}

type Failure = Arc<StoreError>;

/// What all keys that are asked for at one time lead to.
async fn found<K>(
    context: &Context<'_>,
    keys: impl IntoIterator<Item = K>,
) -> Result<Arc<Result<Map<K, <Rows as Loader<K>>::Value>, Failure>>>
where
    K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
    Rows: Loader<K, Error = Failure>,
{
    let loaders = context.data::<Loaders>();
    let loaders = loaders.map_err(|_| internal("no loaders in the context"))?;
    Ok(loaders.load(keys).await)
}

fn failed(failure: &Failure) -> async_graphql::Error {
    inside(failure.clone())
}

/// What a key names, or nothing.
pub async fn one<K>(context: &Context<'_>, key: K) -> Result<Option<<Rows as Loader<K>>::Value>>
where
    K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
    Rows: Loader<K, Error = Failure>,
{
    let found = found(context, [key.clone()]).await?;
    let found = found.as_ref().as_ref().map_err(failed)?;
    Ok(found.get(&key).cloned())
}

/// What a key names that a row of ours refers to, so that it must be there.
pub async fn needed<K>(context: &Context<'_>, key: K) -> Result<<Rows as Loader<K>>::Value>
where
    K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
    Rows: Loader<K, Error = Failure>,
{
    let found = one(context, key).await?;
    found.ok_or_else(|| internal(format!("a {} is not there", std::any::type_name::<K>())))
}

/// What keys name, in their order; those that name nothing are left out.
pub async fn many<K>(
    context: &Context<'_>,
    keys: impl IntoIterator<Item = K>,
) -> Result<Vec<<Rows as Loader<K>>::Value>>
where
    K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
    Rows: Loader<K, Error = Failure>,
{
    let keys: Vec<K> = keys.into_iter().collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let found = found(context, keys.iter().cloned()).await?;
    let found = found.as_ref().as_ref().map_err(failed)?;
    Ok(keys
        .iter()
        .filter_map(|key| found.get(key).cloned())
        .collect())
}

/// The places, locks and groups of the club.
pub async fn layout(context: &Context<'_>) -> Result<Arc<Layout>> {
    needed(context, LayoutKey).await
}

/// All that decisions about the club's doors hang on, as known now.
pub async fn premises(context: &Context<'_>) -> Result<Arc<Premises>> {
    needed(context, PremisesKey).await
}

macro_rules! rows_by_id {
    ($($(#[$doc:meta])* $key:ident => $row:ident by $id:ident: $load:path;)*) => {$(
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $key(pub Uuid);

        impl Loader<$key> for Rows {
            type Value = row::$row;
            type Error = Failure;

            async fn load(&self, keys: &[$key]) -> Result<Map<$key, Self::Value>, Failure> {
                let rows = $load(self.app.db.read(), self.scope, &ids(keys, |key| key.0)).await?;
                Ok(rows.into_iter().map(|row| ($key(row.$id), row)).collect())
            }
        }
    )*};
}

rows_by_id! {
    /// A place.
    PlaceKey => Place by id: setup::some_places;
    /// A lock.
    LockKey => Lock by id: setup::some_locks;
    /// A group.
    GroupKey => Group by id: setup::some_groups;
    /// A member.
    MemberKey => Member by id: members::some;
    /// Somebody whom no source names, and who has something in a group that is this service's own.
    StrangerKey => KisiUser by id: sweep::strangers;
    /// A company.
    CompanyKey => Company by id: members::companies;
    /// A location.
    LocationKey => Location by id: offerings::locations;
    /// A source, removed or not.
    SourceKey => Source by id: sources::some;
    /// A delivery, without its body.
    DeliveryKey => Delivery by id: deliveries::some;
    /// A member's suspension that was not lifted.
    SuspensionOf => Suspension by member_id: overrides::suspensions_of;
}

macro_rules! rows_of {
    ($($(#[$doc:meta])* $key:ident => $row:ident by $of:ident: $load:path;)*) => {$(
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $key(pub Uuid);

        impl Loader<$key> for Rows {
            type Value = Vec<row::$row>;
            type Error = Failure;

            async fn load(&self, keys: &[$key]) -> Result<Map<$key, Self::Value>, Failure> {
                let rows = $load(self.app.db.read(), self.scope, &ids(keys, |key| key.0)).await?;
                let mut all: Map<$key, Self::Value> = Map::default();
                for row in rows {
                    all.entry($key(row.$of)).or_default().push(row);
                }
                Ok(all)
            }
        }
    )*};
}

rows_of! {
    /// A member's shares that were not ended by hand.
    SharesOf => Share by member_id: overrides::shares_of;
    /// Who a member is in Kisi.
    KisiUsersOf => KisiUser by member_id: grants::users_of;
    /// What a member was given in Kisi.
    GrantsOf => Grant by member_id: grants::grants_of;
}

fn ids<K>(keys: &[K], id: impl Fn(&K) -> Uuid) -> Vec<Uuid> {
    keys.iter().map(id).collect()
}

macro_rules! loads {
    ($($(#[$doc:meta])* $key:ident $(($($field:ty),*))? => $value:ty: |$rows:ident, $keys:ident| $load:block)*) => {$(
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $key $(($(pub $field),*))?;

        impl Loader<$key> for Rows {
            type Value = $value;
            type Error = Failure;

            async fn load(&self, $keys: &[$key]) -> Result<Map<$key, Self::Value>, Failure> {
                let $rows = self;
                $load
            }
        }
    )*};
}

loads! {
    /// A Kisi account.
    AccountKey(Uuid) => row::KisiAccount: |rows, _keys| {
        let all = kisi_accounts::all(rows.app.db.read(), rows.scope).await?;
        Ok(all.into_iter().map(|row| (AccountKey(row.id), row)).collect())
    }

    /// Where Kisi sends an account's events.
    ListenerKey(Uuid) => row::KisiListener: |rows, keys| {
        let accounts = ids(keys, |key| key.0);
        let all = listeners::some(rows.app.db.read(), rows.scope, &accounts).await?;
        Ok(all.into_iter().map(|row| (ListenerKey(row.account_id), row)).collect())
    }

    /// A rule that stands.
    RuleKey(Uuid) => row::Rule: |rows, _keys| {
        let all = rules::standing(rows.app.db.read(), rows.scope).await?;
        Ok(all.into_iter().map(|row| (RuleKey(row.rule_id), row)).collect())
    }

    /// The rules that stand on a target, by name.
    RulesOn(TargetKind, Uuid) => Vec<row::Rule>: |rows, _keys| {
        let mut all: Map<RulesOn, Vec<row::Rule>> = Map::default();
        for row in rules::standing(rows.app.db.read(), rows.scope).await? {
            all.entry(RulesOn(row.target_kind, row.target_id)).or_default().push(row);
        }
        Ok(all)
    }

    /// Whom a delivery is about.
    MembersOf(Uuid) => Vec<Uuid>: |rows, keys| {
        let deliveries = ids(keys, |key| key.0);
        let pairs = deliveries::members_of(rows.app.db.read(), rows.scope, &deliveries).await?;
        let mut all: Map<MembersOf, Vec<Uuid>> = Map::default();
        for (delivery, member) in pairs {
            all.entry(MembersOf(delivery)).or_default().push(member);
        }
        Ok(all)
    }

    /// An offering: many hold what is of one.
    OfferingKey(Uuid) => Arc<row::Offering>: |rows, keys| {
        let rows = offerings::some(rows.app.db.read(), rows.scope, &ids(keys, |key| key.0)).await?;
        Ok(rows.into_iter().map(|row| (OfferingKey(row.id), Arc::new(row))).collect())
    }

    /// A source's latest delivery and how many failed.
    FiguresKey(Uuid) => (Option<i64>, i64): |rows, keys| {
        let sources = ids(keys, |key| key.0);
        let figures = deliveries::figures(rows.app.db.read(), rows.scope, &sources).await?;
        Ok(figures.into_iter().map(|(id, figures)| (FiguresKey(id), figures)).collect())
    }

    /// The rejected requests of a source.
    RejectedKey(Uuid) => Rejected: |rows, keys| {
        let sources = ids(keys, |key| key.0);
        let now = rows.app.clock.now().micros();
        let all = rows.app.rejections.of(&rows.app.db, rows.scope, &sources, now).await?;
        Ok(all.into_iter().map(|(id, rejected)| (RejectedKey(id), rejected)).collect())
    }

    /// How many members of an account have open work.
    BacklogKey(Uuid) => u64: |rows, keys| {
        let now = rows.app.clock.now().micros();
        let mut all = Map::default();
        // A club has a handful of accounts.
        for key in keys {
            all.insert(*key, due::backlog(rows.app.db.read(), key.0, now).await?);
        }
        Ok(all)
    }

    /// What a member holds, as known now.
    HoldingsOf(Uuid) => Arc<Holdings>: |rows, keys| {
        let members = ids(keys, |key| key.0);
        let all = facts::load(rows.app.db.read(), rows.scope, &members, Known::Now).await?;
        Ok(all.into_iter().map(|(id, holdings)| (HoldingsOf(id), Arc::new(holdings))).collect())
    }

    /// What a member holds, as known now, to be shown: of the facts that decisions hang on, no more than that.
    EntitlementsOf(Uuid) => Arc<Holdings>: |rows, keys| {
        let members = ids(keys, |key| key.0);
        let all = facts::entitlements(rows.app.db.read(), rows.scope, &members).await?;
        Ok(all.into_iter().map(|(id, holdings)| (EntitlementsOf(id), Arc::new(holdings))).collect())
    }

    /// The club's places, locks and groups.
    LayoutKey => Arc<Layout>: |rows, _keys| {
        let layout = Layout::load(rows.app.db.read(), rows.scope).await?;
        Ok(Map::from_iter([(LayoutKey, Arc::new(layout))]))
    }

    /// All that decisions hang on, but for the members.
    PremisesKey => Arc<Premises>: |rows, _keys| {
        let premises = Premises::load(rows.app.db.read(), rows.scope, Known::Now).await?;
        Ok(Map::from_iter([(PremisesKey, Arc::new(premises))]))
    }
}

/// The instant that an argument names, or now.
pub fn instant(context: &Context<'_>, at: Option<super::scalar::DateTime>) -> Result<Instant> {
    let app = super::context::app(context)?;
    Ok(at.map_or_else(|| app.clock.now(), |at| Instant::from_micros(at.0)))
}
