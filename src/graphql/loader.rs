//! Loaders: batched loading of the rows behind the edges of the schema, in a fixed number of statements. Created for each
//! request, without a cache: the fields of a mutation's payload see what the mutation changed.

use std::sync::Arc;

use access::Instant;
use async_graphql::{Context, Result};
use uuid::Uuid;

use super::{
    batch::{Batches, Loader},
    error::{internal, internal_error},
};
use crate::{
    app::App,
    decide::{AccessContext, Layout},
    ingest::problems::{self, SourceProblem},
    map::Map,
    store::{
        ClubScope, StoreError, deliveries, due,
        facts::{self, AsOf, Holdings},
        grants, kisi_accounts, listeners, lookup, overrides,
        rejections::Rejected,
        revocations,
        row::{self, TargetKind},
        rules, sweep, webhook_messages,
    },
};

/// Loads rows of one club.
pub struct Rows {
    app: Arc<App>,
    scope: ClubScope,
}

pub type Loaders = Batches<Rows>;

pub fn loaders(app: Arc<App>, scope: ClubScope) -> Loaders {
    Batches::new(Rows { app, scope })
}

type Failure = Arc<StoreError>;

/// Loads these keys in one batch with all others that are requested at the same time.
async fn load_batch<K>(
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

fn load_error(failure: &Failure) -> async_graphql::Error {
    internal_error(failure.clone())
}

/// Loads the value of a key. None if there is none.
pub async fn load<K>(context: &Context<'_>, key: K) -> Result<Option<<Rows as Loader<K>>::Value>>
where
    K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
    Rows: Loader<K, Error = Failure>,
{
    let result = load_batch(context, [key.clone()]).await?;
    let values = result.as_ref().as_ref().map_err(load_error)?;
    Ok(values.get(&key).cloned())
}

/// Loads the value of a key that one of our rows refers to. A missing value is an internal error.
pub async fn load_required<K>(context: &Context<'_>, key: K) -> Result<<Rows as Loader<K>>::Value>
where
    K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
    Rows: Loader<K, Error = Failure>,
{
    let value = load(context, key).await?;
    value.ok_or_else(|| {
        internal(format!(
            "a referenced {} does not exist",
            std::any::type_name::<K>()
        ))
    })
}

/// Loads the values of the keys, in their order; keys without a value are left out.
pub async fn load_many<K>(
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
    let result = load_batch(context, keys.iter().cloned()).await?;
    let values = result.as_ref().as_ref().map_err(load_error)?;
    Ok(keys
        .iter()
        .filter_map(|key| values.get(key).cloned())
        .collect())
}

pub async fn layout(context: &Context<'_>) -> Result<Arc<Layout>> {
    load_required(context, LayoutKey).await
}

/// Everything that decisions about the club's doors depend on, as currently known, except the members.
pub async fn access_context(context: &Context<'_>) -> Result<Arc<AccessContext>> {
    load_required(context, AccessContextKey).await
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
    PlaceKey => Place by id: lookup::by_ids::<row::Place>;
    LockKey => Lock by id: lookup::by_ids::<row::Lock>;
    GroupKey => Group by id: lookup::by_ids::<row::Group>;
    MemberKey => Member by id: lookup::by_ids::<row::Member>;
    /// A Kisi user whom no source reports, and who has an assignment in a group with the policy REMOVE.
    StrangerKey => KisiUser by id: sweep::strangers;
    CompanyKey => Company by id: lookup::by_ids::<row::Company>;
    LocationKey => Location by id: lookup::by_ids::<row::Location>;
    /// A source, including removed ones.
    SourceKey => Source by id: lookup::by_ids::<row::Source>;
    /// A delivery, without its body.
    DeliveryKey => Delivery by id: deliveries::find_by_ids;
    /// An endpoint for events, including removed ones.
    EndpointKey => WebhookEndpoint by id: lookup::by_ids::<row::WebhookEndpoint>;
    MessageKey => WebhookMessage by id: lookup::by_ids::<row::WebhookMessage>;
    /// A member's suspension that was not lifted; its end may have passed.
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
    /// A member's shares that nobody has ended.
    SharesOf => Share by member_id: overrides::shares_of;
    /// The member's users in Kisi.
    KisiUsersOf => KisiUser by member_id: grants::users_of;
    /// The attempts of a message, oldest first.
    AttemptsOf => WebhookAttempt by message_id: webhook_messages::attempts;
    /// The member's grants in Kisi.
    GrantsOf => Grant by member_id: grants::grants_of;
}

fn ids<K>(keys: &[K], id: impl Fn(&K) -> Uuid) -> Vec<Uuid> {
    keys.iter().map(id).collect()
}

/// The versions of a rule before and after an edit.
#[derive(Clone, Debug, Default)]
pub struct RuleVersions {
    /// None if the edit created the rule.
    pub before: Option<row::Rule>,
    /// None if the edit deleted the rule.
    pub after: Option<row::Rule>,
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
    AccountKey(Uuid) => row::KisiAccount: |rows, _keys| {
        let all = kisi_accounts::all(rows.app.db.read(), rows.scope).await?;
        Ok(all.into_iter().map(|row| (AccountKey(row.id), row)).collect())
    }

    /// The registration for Kisi's events of an account.
    ListenerKey(Uuid) => row::KisiListener: |rows, keys| {
        let accounts = ids(keys, |key| key.0);
        let all = listeners::find_by_ids(rows.app.db.read(), rows.scope, &accounts).await?;
        Ok(all.into_iter().map(|row| (ListenerKey(row.account_id), row)).collect())
    }

    /// The current version of a rule.
    RuleKey(Uuid) => row::Rule: |rows, _keys| {
        let all = rules::current(rows.app.db.read(), rows.scope).await?;
        Ok(all.into_iter().map(|row| (RuleKey(row.rule_id), row)).collect())
    }

    /// The versions of a rule that an edit at this time replaced and created.
    RuleEdit(Uuid, i64) => RuleVersions: |rows, keys| {
        let rules = ids(keys, |key| key.0);
        let mut all: Map<RuleEdit, RuleVersions> = Map::default();
        for row in rules::versions(rows.app.db.read(), rows.scope, &rules).await? {
            let rule = row.rule_id;
            if let Some(at) = row.superseded_at {
                all.entry(RuleEdit(rule, at)).or_default().before = Some(row.clone());
            }
            let learned_at = row.learned_at;
            all.entry(RuleEdit(rule, learned_at)).or_default().after = Some(row);
        }
        Ok(all)
    }

    /// The current rules of a target, by name.
    RulesOn(TargetKind, Uuid) => Vec<row::Rule>: |rows, _keys| {
        let mut all: Map<RulesOn, Vec<row::Rule>> = Map::default();
        for row in rules::current(rows.app.db.read(), rows.scope).await? {
            all.entry(RulesOn(row.target_kind, row.target_id)).or_default().push(row);
        }
        Ok(all)
    }

    /// All revocations that the brake holds, oldest first.
    HeldKey => Arc<Vec<row::Revocation>>: |rows, _keys| {
        let held = revocations::in_state(rows.app.db.read(), rows.scope, row::RevocationState::Held).await?;
        Ok(Map::from_iter([(HeldKey, Arc::new(held))]))
    }

    /// The ids of the members that a delivery concerns.
    MembersOf(Uuid) => Vec<Uuid>: |rows, keys| {
        let deliveries = ids(keys, |key| key.0);
        let pairs = deliveries::members_of(rows.app.db.read(), rows.scope, &deliveries).await?;
        let mut all: Map<MembersOf, Vec<Uuid>> = Map::default();
        for (delivery, member) in pairs {
            all.entry(MembersOf(delivery)).or_default().push(member);
        }
        Ok(all)
    }

    /// The body of a delivery.
    BodyKey(Uuid) => Vec<u8>: |rows, keys| {
        let bodies = deliveries::bodies(rows.app.db.read(), rows.scope, &ids(keys, |key| key.0)).await?;
        Ok(bodies.into_iter().map(|(id, body)| (BodyKey(id), body)).collect())
    }

    /// An offering, in an Arc since many entitlements share one.
    OfferingKey(Uuid) => Arc<row::Offering>: |rows, keys| {
        let rows = lookup::by_ids::<row::Offering>(rows.app.db.read(), rows.scope, &ids(keys, |key| key.0)).await?;
        Ok(rows.into_iter().map(|row| (OfferingKey(row.id), Arc::new(row))).collect())
    }

    /// The time of a source's latest delivery, and the number of failed ones.
    FiguresKey(Uuid) => (Option<i64>, i64): |rows, keys| {
        let sources = ids(keys, |key| key.0);
        let figures = deliveries::stats(rows.app.db.read(), rows.scope, &sources).await?;
        Ok(figures.into_iter().map(|(id, figures)| (FiguresKey(id), figures)).collect())
    }

    RejectedKey(Uuid) => Rejected: |rows, keys| {
        let sources = ids(keys, |key| key.0);
        let now = rows.app.clock.now().micros();
        let all = rows.app.rejections.of(&rows.app.db, rows.scope, &sources, now).await?;
        Ok(all.into_iter().map(|(id, rejected)| (RejectedKey(id), rejected)).collect())
    }

    /// The problems of a source; no value for one without any.
    ProblemsKey(Uuid) => Vec<SourceProblem>: |rows, keys| {
        let ids = ids(keys, |key| key.0);
        let sources: Vec<row::Source> = lookup::by_ids(rows.app.db.read(), rows.scope, &ids).await?;
        let now = rows.app.clock.now().micros();
        let all = problems::of(&rows.app, rows.scope, &sources, now).await?;
        Ok(all.into_iter().map(|(id, problems)| (ProblemsKey(id), problems)).collect())
    }

    /// The number of members of an account with pending work.
    BacklogKey(Uuid) => u64: |rows, keys| {
        let now = rows.app.clock.now().micros();
        let mut all = Map::default();
        // One statement per account: a club has a handful.
        for key in keys {
            all.insert(*key, due::backlog(rows.app.db.read(), key.0, now).await?);
        }
        Ok(all)
    }

    /// The facts of a member that decisions depend on, as currently known.
    HoldingsOf(Uuid) => Arc<Holdings>: |rows, keys| {
        let members = ids(keys, |key| key.0);
        let all = facts::load(rows.app.db.read(), rows.scope, &members, AsOf::Now).await?;
        Ok(all.into_iter().map(|(id, holdings)| (HoldingsOf(id), Arc::new(holdings))).collect())
    }

    /// The member's entitlements for display, as currently known, without the other facts that decisions depend on.
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

    /// Everything that decisions depend on, except the members.
    AccessContextKey => Arc<AccessContext>: |rows, _keys| {
        let access_context = AccessContext::load(rows.app.db.read(), rows.scope, AsOf::Now).await?;
        Ok(Map::from_iter([(AccessContextKey, Arc::new(access_context))]))
    }
}

/// The point in time of an argument; defaults to now.
pub fn instant(context: &Context<'_>, at: Option<super::scalar::DateTime>) -> Result<Instant> {
    let app = super::context::app(context)?;
    Ok(at.map_or_else(|| app.clock.now(), |at| Instant::from_micros(at.0)))
}
