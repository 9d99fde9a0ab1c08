//! Mutations of shares: access that staff grant to a member, or to a new person by e-mail, and end. DESK tokens may create and
//! end only shares that last at most a day.

use access::Instant;
use async_graphql::{Context, ID, InputObject, Object, OneofObject, Result};
use uuid::Uuid;

use super::{
    Editor, form::Form, future_end, id_of, invalid, kisi_account::refuse_disconnected, name,
    not_found, resolve_kisi_id, text_of,
};
use crate::{
    clock::new_id,
    connect::DoorRoles,
    graphql::{
        error::{Refusal, UserError, UserErrorCode, checked},
        scalar::DateTime,
        share::Share,
    },
    id::Kind,
    ingest::manual::{NewPerson, find_or_create_member},
    sentinel,
    store::{
        ClubScope, Connection, clubs, due,
        history::{self, Entry},
        lookup, overrides, row,
    },
    transaction,
};

/// The maximum length of a note, in characters.
const MAX_NOTE_CHARS: usize = 2_000;

const DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// The maximum duration of a share by DESK, in microseconds.
const MAX_DESK_SHARE: i64 = DAY;
/// How long before its start DESK may create a share, in microseconds.
const MAX_DESK_AHEAD: i64 = 7 * DAY;

#[derive(Default)]
pub struct ShareMutations;

/// A share to create.
#[derive(InputObject)]
pub struct ShareAccessInput {
    /// A member, or a new person by e-mail. The new member has no source; a source that reports the e-mail later means the same
    /// member.
    pub who: PersonInput,
    /// A managed group, a place or a Kisi account; groups and places also by Kisi's id or URL.
    pub scope: ID,
    /// When access begins. Default: now.
    pub from: Option<DateTime>,
    /// When access ends. Default: when the share is ended.
    pub until: Option<DateTime>,
    /// Whether Kisi notifies the person by e-mail.
    #[graphql(default = false)]
    pub notify: bool,
    /// The reason, for the staff; at most 2000 characters.
    pub note: Option<String>,
}

/// The person who gets the share: exactly one of these.
#[derive(OneofObject)]
pub enum PersonInput {
    /// A member.
    Member(ID),
    /// A person by e-mail; if a member has this e-mail, that member.
    New(NewPersonInput),
}

/// A person that no source has reported yet.
#[derive(InputObject)]
pub struct NewPersonInput {
    /// The e-mail address, by which Kisi identifies people; upper and lower case are the same.
    pub email: String,
    /// The person's name.
    pub name: String,
}

payload! {
    /// The created share.
    ShareAccessPayload {
        /// The share; null if the mutation was refused.
        share: Share
    }
}
payload! {
    /// The ended share.
    EndSharePayload {
        /// The share; null if the mutation was refused.
        share: Share
    }
}

/// The share to end.
#[derive(InputObject)]
pub struct EndShareInput {
    /// The share.
    pub share: ID,
}

#[Object(crate = "crate::graphql::resolve")]
impl ShareMutations {
    /// Grants a member access to a group, a place or a whole Kisi organization, independently of the rules. With a DESK token only
    /// to a group or a place, for at most 24 hours that begin within seven days.
    async fn share_access(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The person, the scope and the time.")] input: ShareAccessInput,
    ) -> Result<ShareAccessPayload> {
        let editor = Editor::admin_or_desk(context)?;
        ShareAccessPayload::of(create(editor, input).await)
    }

    /// Ends a share. Ending an ended share changes nothing. With a DESK token only a share of at most 24 hours.
    async fn end_share(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The share to end.")] input: Option<EndShareInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The share.")] share: Option<ID>,
    ) -> Result<EndSharePayload> {
        let editor = Editor::admin_or_desk(context)?;
        let loose = share.map(|share| EndShareInput { share });
        let (form, input) = Form::of(input, loose)?;
        EndSharePayload::of(form.paths(end(editor, &input.share).await))
    }
}

enum Recipient {
    Member(Uuid),
    New(NewPerson),
}

async fn create(editor: Editor, input: ShareAccessInput) -> Result<row::Share, Refusal> {
    let is_desk = editor.is_desk();
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = editor;
    let from = input
        .from
        .and_then(|from| sentinel::start(Instant::from_micros(from.0)))
        .map(Instant::micros);
    checked! {
        who = recipient(input.who);
        until = future_end("input.until", input.until, now);
        note = note(input.note);
    }
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        return Err(invalid("input.until", "must be after `from`"));
    }
    if is_desk {
        check_desk_period(from, until, now)?;
    }
    let (target, notify) = (input.scope, input.notify);
    let share = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let (scope_kind, scope_id) = resolve_scope(tx, scope, &target).await?;
        if is_desk && scope_kind == row::ScopeKind::Account {
            let message =
                "a token with the role DESK shares groups and places, not a whole organization";
            return Err(invalid("input.scope", message));
        }
        let member = match who {
            Recipient::Member(id) => {
                let member = lookup::by_id::<row::Member>(tx, scope, id).await?;
                member.ok_or_else(|| not_found("input.who.member", "member"))?
            }
            Recipient::New(newcomer) => find_or_create_member(tx, scope, newcomer, now).await?,
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
        overrides::create_share(tx, share.clone()).await?;
        due::mark(
            tx,
            scope,
            [member.id],
            now,
            &due::Cause::enforced("a share was created").by(&actor),
        )
        .await?;
        let message = format!("A share was created for {}.", member.name);
        let entry = entry(row::HistoryKind::Shared, &share, actor, message);
        history::write(tx, scope, now, vec![entry]).await?;
        Ok::<_, Refusal>(share)
    })
    .await?;
    app.waker.wake(scope);
    Ok(share)
}

fn recipient(who: PersonInput) -> Result<Recipient, Refusal> {
    match who {
        PersonInput::Member(id) => {
            id_of(Kind::Member, "input.who.member", "member", &id).map(Recipient::Member)
        }
        PersonInput::New(new) => {
            checked! {
                email = email("input.who.new.email", &new.email);
                name = name("input.who.new.name", &new.name);
            }
            Ok(Recipient::New(NewPerson { email, name }))
        }
    }
}

/// The note; none for blank text.
fn note(text: Option<String>) -> Result<Option<String>, Refusal> {
    let text = text.filter(|text| !text.trim().is_empty());
    text.map(|text| text_of("input.note", "a note", &text, MAX_NOTE_CHARS))
        .transpose()
}

/// Checks the period of a share that DESK creates.
fn check_desk_period(from: Option<i64>, until: Option<i64>, now: i64) -> Result<(), Refusal> {
    if from.is_some_and(|from| from > now.saturating_add(MAX_DESK_AHEAD)) {
        let message = "a share by a token with the role DESK must begin within seven days";
        return Err(invalid("input.from", message));
    }
    if lasts_a_day_at_most(from, until, now) {
        return Ok(());
    }
    let message =
        "a token with the role DESK shares access for at most 24 hours: give an earlier end";
    Err(invalid("input.until", message))
}

fn lasts_a_day_at_most(from: Option<i64>, until: Option<i64>, created: i64) -> bool {
    let start = from.unwrap_or(created).max(created);
    until.is_some_and(|until| until.saturating_sub(start) <= MAX_DESK_SHARE)
}

async fn end(editor: Editor, share: &str) -> Result<row::Share, Refusal> {
    let is_desk = editor.is_desk();
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = editor;
    let id = id_of(Kind::Share, "share", "share", share)?;
    let share = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let share = lookup::by_id::<row::Share>(tx, scope, id).await?;
        let share = share.ok_or_else(|| not_found("share", "share"))?;
        if share.superseded_at.is_some() {
            return Ok(share);
        }
        if is_desk && !lasts_a_day_at_most(share.from_at, share.until_at, share.learned_at) {
            let message = "a token with the role DESK ends only shares of at most 24 hours: ask an admin to end this one";
            return Err(invalid("share", message));
        }
        overrides::end_share(tx, scope, id, now).await?;
        due::mark(
            tx,
            scope,
            [share.member_id],
            now,
            &due::Cause::exempt("a share was ended").by(&actor),
        )
        .await?;
        let member = lookup::by_id::<row::Member>(tx, scope, share.member_id).await?;
        let name = member.map_or_else(|| "an unknown member".to_owned(), |member| member.name);
        let message = format!("A share of {name} was ended.");
        let entry = entry(row::HistoryKind::ShareEnded, &share, actor, message);
        history::write(tx, scope, now, vec![entry]).await?;
        Ok::<_, Refusal>(row::Share {
            superseded_at: Some(now),
            ..share
        })
    })
    .await?;
    app.waker.wake(scope);
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

/// Resolves and validates the scope of a share.
async fn resolve_scope(
    connection: &impl Connection,
    scope: ClubScope,
    target: &str,
) -> Result<(row::ScopeKind, Uuid), Refusal> {
    let path = "input.scope";
    let kinds = [Kind::Group, Kind::Place, Kind::KisiAccount];
    let what = "group, place or Kisi account";
    let named = resolve_kisi_id(connection, scope, &kinds, path, what, target).await?;
    let (kind, id, account) = match named {
        (Kind::Group, id) => {
            let group = lookup::by_id::<row::Group>(connection, scope, id).await?;
            let group = group.ok_or_else(|| not_found(path, "group"))?;
            if group.gone_at.is_some() {
                return Err(invalid(
                    path,
                    "this group no longer exists in Kisi: choose another",
                ));
            }
            if !group.managed {
                return Err(invalid(
                    path,
                    "this group is not managed, so nothing is written to it in Kisi: manage the group first",
                ));
            }
            (row::ScopeKind::Group, id, group.account_id)
        }
        (Kind::Place, id) => {
            let place = lookup::by_id::<row::Place>(connection, scope, id).await?;
            let place = place.ok_or_else(|| not_found(path, "place"))?;
            if place.gone_at.is_some() {
                return Err(invalid(
                    path,
                    "this place no longer exists in Kisi: choose another",
                ));
            }
            (row::ScopeKind::Place, id, place.account_id)
        }
        (_, id) => (row::ScopeKind::Account, id, id),
    };
    let account = lookup::by_id::<row::KisiAccount>(connection, scope, account).await?;
    let account = account.ok_or_else(|| not_found(path, "Kisi account"))?;
    refuse_disconnected(&account, path)?;
    let lacks_role = |roles: DoorRoles| match kind {
        row::ScopeKind::Place => roles.place.is_none(),
        row::ScopeKind::Account => roles.organization.is_none(),
        row::ScopeKind::Group | row::ScopeKind::Lock => false,
    };
    if DoorRoles::of_account(&account).is_some_and(lacks_role) {
        let message = "Kisi has no role here that can only open doors, and this service assigns no other role: create a group \
                       with these doors in Kisi, manage it here, and share that";
        return Err(UserError::at(UserErrorCode::KisiNoDoorRole, path, message).into());
    }
    Ok((kind, id))
}

/// Validates an e-mail address and normalizes it as the adapters do: lower case and trimmed.
fn email(path: &str, text: &str) -> Result<String, Refusal> {
    let address = text.trim().to_lowercase();
    let is_sound = address
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    let is_plain = !address.contains(|c: char| c.is_whitespace() || c.is_control());
    if is_sound && is_plain && address.len() <= 320 {
        Ok(address)
    } else {
        Err(invalid(path, "must be an e-mail address"))
    }
}
