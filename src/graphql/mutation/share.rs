//! Access given by hand, to a member or to somebody new by e-mail, and ended by hand. Called by admins.

use access::Instant;
use async_graphql::{Context, ID, InputObject, Object, OneofObject, Result};
use uuid::Uuid;

use super::{
    Admin, ahead, id_of, invalid, kisi_account::refuse_disconnected, name, named_in_kisi,
    not_found, text_of,
};
use crate::{
    clock::new_id,
    connect::DoorRoles,
    graphql::{
        error::{Refusal, UserError, UserErrorCode, internal},
        scalar::DateTime,
        share::Share,
    },
    id::Kind,
    ingest::{
        apply::{Apply, who},
        statement::{PersonWord, Statement, Version},
    },
    sentinel,
    store::{
        Connection, Scope, clubs, due,
        history::{self, Entry},
        kisi_accounts, members, overrides, row, setup,
        working_set::{self, Keys},
    },
};

/// The longest note, in characters.
const LONGEST_NOTE: usize = 2_000;

/// Gives and ends access by hand.
#[derive(Default)]
pub struct ShareMutations;

/// Access to be given by hand.
#[derive(InputObject)]
pub struct ShareAccessInput {
    /// A member, or someone new by e-mail: a member of no source, and the same one when a source names that e-mail later.
    pub who: PersonInput,
    /// A managed group, a place or a Kisi account; of a group and a place, Kisi's id or URL as well.
    pub scope: ID,
    /// Left out: from now on.
    pub from: Option<DateTime>,
    /// Left out: until it is ended.
    pub until: Option<DateTime>,
    /// Whether Kisi tells the person by e-mail.
    #[graphql(default = false)]
    pub notify: bool,
    /// Why, for people, in 2000 characters at most.
    pub note: Option<String>,
}

/// Who is meant: exactly one of these.
#[derive(OneofObject)]
pub enum PersonInput {
    /// A member.
    Member(ID),
    /// Somebody by e-mail; the member who has that e-mail, where there is one.
    New(NewPersonInput),
}

/// Somebody whom no source has named yet.
#[derive(InputObject)]
pub struct NewPersonInput {
    /// What Kisi knows people by, in any case.
    pub email: String,
    /// As people call them.
    pub name: String,
}

payload! {
    /// The share that was given.
    ShareAccessPayload {
        /// The share; null where nothing was changed.
        share: Share
    }
}
payload! {
    /// The share that is over.
    EndSharePayload {
        /// The share; null where nothing was changed.
        share: Share
    }
}

#[Object]
impl ShareMutations {
    /// Gives access by hand: to a group, a place or a whole Kisi organization.
    async fn share_access(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "To whom, where and when.")] input: ShareAccessInput,
    ) -> Result<ShareAccessPayload> {
        let admin = Admin::of(context)?;
        ShareAccessPayload::of(give(admin, input).await)
    }

    /// Ends a share; one that has ended stays so.
    async fn end_share(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The share.")] share: ID,
    ) -> Result<EndSharePayload> {
        let admin = Admin::of(context)?;
        EndSharePayload::of(end(admin, &share).await)
    }
}

/// Somebody new, checked.
struct Newcomer {
    email: String,
    name: String,
}

enum Who {
    Member(Uuid),
    New(Newcomer),
}

async fn give(admin: Admin, input: ShareAccessInput) -> Result<row::Share, Refusal> {
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    let who = match input.who {
        PersonInput::Member(id) => {
            Who::Member(id_of(Kind::Member, "input.who.member", "member", &id)?)
        }
        PersonInput::New(new) => Who::New(Newcomer {
            email: email("input.who.new.email", &new.email)?,
            name: name("input.who.new.name", &new.name)?,
        }),
    };
    let until = ahead("input.until", input.until, now)?;
    let from = input
        .from
        .and_then(|from| sentinel::start(Instant::from_micros(from.0)))
        .map(Instant::micros);
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        return Err(invalid("input.until", "it has to lie after from"));
    }
    let note = input.note.filter(|note| !note.trim().is_empty());
    let note = note
        .map(|note| text_of("input.note", "a note", &note, LONGEST_NOTE))
        .transpose()?;
    let (target, notify) = (input.scope, input.notify);
    let share = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let (scope_kind, scope_id) = shared(tx, scope, &target).await?;
                let member = match who {
                    Who::Member(id) => {
                        let member = members::get(tx, scope, id).await?;
                        member.ok_or_else(|| not_found("input.who.member", "member"))?
                    }
                    Who::New(newcomer) => meet(tx, scope, newcomer, now).await?,
                };
                let share = row::Share {
                    id: new_id(),
                    club_id: scope.club,
                    member_id: member.id,
                    scope_kind,
                    scope_id,
                    from_at: from,
                    until_at: until,
                    notify,
                    note,
                    actor: Some(actor.clone()),
                    learned_at: now,
                    superseded_at: None,
                };
                overrides::share(tx, share.clone()).await?;
                due::mark(
                    tx,
                    scope,
                    [member.id],
                    now,
                    &due::Cause::judged("a share was given").by(&actor),
                )
                .await?;
                let message = format!("{} was given access by hand.", member.name);
                let entry = entry(row::HistoryKind::Shared, &share, actor, message);
                history::write(tx, scope, now, vec![entry]).await?;
                Ok::<_, Refusal>(share)
            })
        })
        .await?;
    app.waker.wake();
    Ok(share)
}

async fn end(admin: Admin, share: &str) -> Result<row::Share, Refusal> {
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    let id = id_of(Kind::Share, "share", "share", share)?;
    let share = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let share = overrides::get_share(tx, scope, id).await?;
                let share = share.ok_or_else(|| not_found("share", "share"))?;
                if share.superseded_at.is_some() {
                    return Ok(share);
                }
                overrides::end_share(tx, scope, id, now).await?;
                due::mark(
                    tx,
                    scope,
                    [share.member_id],
                    now,
                    &due::Cause::by_name("a share was ended").by(&actor),
                )
                .await?;
                let member = members::get(tx, scope, share.member_id).await?;
                let name = member.map_or_else(|| "Somebody".to_owned(), |member| member.name);
                let message = format!("What {name} was given by hand was ended.");
                let entry = entry(row::HistoryKind::ShareEnded, &share, actor, message);
                history::write(tx, scope, now, vec![entry]).await?;
                Ok::<_, Refusal>(row::Share {
                    superseded_at: Some(now),
                    ..share
                })
            })
        })
        .await?;
    app.waker.wake();
    Ok(share)
}

fn entry(kind: row::HistoryKind, share: &row::Share, actor: String, message: String) -> Entry {
    Entry {
        kind,
        member: Some(share.member_id),
        target: Some((share.scope_kind, share.scope_id)),
        cause: "a share".to_owned(),
        delivery: None,
        rule: None,
        actor: Some(actor),
        message,
    }
}

/// What the share is of.
async fn shared(
    connection: &impl Connection,
    scope: Scope,
    target: &str,
) -> Result<(row::ScopeKind, Uuid), Refusal> {
    let path = "input.scope";
    let kinds = [Kind::Group, Kind::Place, Kind::KisiAccount];
    let what = "group, place or Kisi account";
    let named = named_in_kisi(connection, scope, &kinds, path, what, target).await?;
    let (kind, id, account) = match named {
        (Kind::Group, id) => {
            let group = setup::some_groups(connection, scope, &[id]).await?.pop();
            let group = group.ok_or_else(|| not_found(path, "group"))?;
            if group.gone_at.is_some() {
                return Err(invalid(path, "Kisi has this group no more: choose another"));
            }
            if !group.managed {
                return Err(invalid(
                    path,
                    "nothing is ever written to a group that is not managed: manage the group first",
                ));
            }
            (row::ScopeKind::Group, id, group.account_id)
        }
        (Kind::Place, id) => {
            let place = setup::some_places(connection, scope, &[id]).await?.pop();
            let place = place.ok_or_else(|| not_found(path, "place"))?;
            if place.gone_at.is_some() {
                return Err(invalid(path, "Kisi has this place no more: choose another"));
            }
            (row::ScopeKind::Place, id, place.account_id)
        }
        (_, id) => (row::ScopeKind::Account, id, id),
    };
    let account = kisi_accounts::get(connection, scope, account).await?;
    let account = account.ok_or_else(|| not_found(path, "Kisi account"))?;
    refuse_disconnected(&account, path)?;
    let lacks_role = |roles: DoorRoles| match kind {
        row::ScopeKind::Place => roles.place.is_none(),
        row::ScopeKind::Account => roles.organization.is_none(),
        row::ScopeKind::Group | row::ScopeKind::Lock => false,
    };
    if DoorRoles::of_account(&account).is_some_and(lacks_role) {
        let message = "Kisi has no role here that can do nothing but open doors, and one that can do more is not given: make a \
                       group with these doors in Kisi, manage it here, and share that";
        return Err(UserError::at(UserErrorCode::KisiNoDoorRole, path, message).into());
    }
    Ok((kind, id))
}

/// The member with this e-mail; where there is none, a new one of no source. Said like an event's word, so that it is the
/// same member when a source names the e-mail.
async fn meet(
    connection: &impl Connection,
    scope: Scope,
    newcomer: Newcomer,
    now: i64,
) -> Result<row::Member, Refusal> {
    if let Some(member) = members::by_email(connection, scope, &newcomer.email).await? {
        return Ok(member);
    }
    let id = format!("mailto:{}", newcomer.email);
    let statement = Statement::Person(PersonWord {
        id: id.clone(),
        email: Some(Some(newcomer.email)),
        name: Some(newcomer.name),
        ..PersonWord::default()
    });
    let mut keys = Keys::default();
    keys.add(None, &statement);
    let mut set = working_set::load(connection, scope, now, &keys).await?;
    let version = Version {
        happened_at: Instant::from_micros(now),
        key: String::new(),
    };
    let mut apply = Apply::new(&mut set, None, version);
    apply.all(&[statement]);
    let led = apply.led;
    let due = who::settle(&mut set, &led.identities);
    set.save(connection).await?;
    let cause = due::Cause::judged("somebody new was entered by hand");
    due::mark(connection, scope, due, now, &cause).await?;
    let person = set
        .person_ids
        .get(&(None, id))
        .and_then(|id| set.persons.get(id));
    let member = person
        .and_then(|person| set.members.get(&person.member_id))
        .cloned();
    member.ok_or_else(|| internal("somebody who was entered by hand is no member").into())
}

/// An e-mail address as adapters take it: lower case and trimmed.
fn email(path: &str, text: &str) -> Result<String, Refusal> {
    let address = text.trim().to_lowercase();
    let is_sound = address
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    let is_plain = !address.contains(|c: char| c.is_whitespace() || c.is_control());
    if is_sound && is_plain && address.len() <= 320 {
        Ok(address)
    } else {
        Err(invalid(path, "it has to be an e-mail address"))
    }
}
