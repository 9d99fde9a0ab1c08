//! The enums that columns hold. They are stored with the names of the API, so that the database can be read like the API. No
//! behaviour.

use sea_orm::entity::prelude::*;

mod input;

pub use input::*;

/// Who may open doors from a front end.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum UnlockVisibility {
    #[sea_orm(string_value = "MEMBERS")]
    Members,
    #[sea_orm(string_value = "PUBLIC")]
    Public,
}

/// What a token may do.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Role {
    #[sea_orm(string_value = "ADMIN")]
    Admin,
    #[sea_orm(string_value = "APP")]
    App,
    #[sea_orm(string_value = "DESK")]
    Desk,
    #[sea_orm(string_value = "READER")]
    Reader,
    #[sea_orm(string_value = "MEMBER")]
    Member,
}

/// The state of a connection to Kisi.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum KisiStatus {
    #[sea_orm(string_value = "CONNECTED")]
    Connected,
    #[sea_orm(string_value = "UNAUTHORIZED")]
    Unauthorized,
    #[sea_orm(string_value = "UNREACHABLE")]
    Unreachable,
    #[sea_orm(string_value = "DISCONNECTING")]
    Disconnecting,
    #[sea_orm(string_value = "DISCONNECTED")]
    Disconnected,
}

/// Whether a Kisi organization supports something, as far as it is known.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Ability {
    #[sea_orm(string_value = "UNKNOWN")]
    Unknown,
    #[sea_orm(string_value = "YES")]
    Yes,
    #[sea_orm(string_value = "NO")]
    No,
}

/// What happens to assignments in a managed group that someone else made.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum StrangerPolicy {
    #[sea_orm(string_value = "KEEP")]
    Keep,
    #[sea_orm(string_value = "REMOVE")]
    Remove,
}

/// The kind of a source.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Platform {
    #[sea_orm(string_value = "CANONICAL")]
    Canonical,
    #[sea_orm(string_value = "CLUBSPOT")]
    Clubspot,
    #[sea_orm(string_value = "TEAMUP")]
    Teamup,
    #[sea_orm(string_value = "SPACEBRING")]
    Spacebring,
    #[sea_orm(string_value = "EXERCISE_COM")]
    ExerciseCom,
    #[sea_orm(string_value = "MAPPED")]
    Mapped,
}

/// How a source's webhooks are signed.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum SignatureScheme {
    #[sea_orm(string_value = "STANDARD_WEBHOOKS")]
    StandardWebhooks,
    #[sea_orm(string_value = "SVIX")]
    Svix,
    #[sea_orm(string_value = "STRIPE")]
    Stripe,
    #[sea_orm(string_value = "OFFICERND")]
    Officernd,
    #[sea_orm(string_value = "HUB_SHA256")]
    HubSha256,
    #[sea_orm(string_value = "MINDBODY")]
    Mindbody,
    #[sea_orm(string_value = "NEXUDUS")]
    Nexudus,
    #[sea_orm(string_value = "PUSHPRESS")]
    Pushpress,
    #[sea_orm(string_value = "NUDGE")]
    Nudge,
    #[sea_orm(string_value = "CUSTOM")]
    Custom,
    #[sea_orm(string_value = "SHARED_SECRET")]
    SharedSecret,
}

/// The kind of object that a snapshot lists completely.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum SourceAspect {
    #[sea_orm(string_value = "MEMBERS")]
    Members,
    #[sea_orm(string_value = "COMPANIES")]
    Companies,
    #[sea_orm(string_value = "MEMBERSHIPS")]
    Memberships,
    #[sea_orm(string_value = "REGISTRATIONS")]
    Registrations,
    #[sea_orm(string_value = "PURCHASES")]
    Purchases,
}

/// The aspect of a person that a version is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum PersonAspect {
    #[sea_orm(string_value = "EMAIL")]
    Email,
    #[sea_orm(string_value = "NAME")]
    Name,
    #[sea_orm(string_value = "TAGS")]
    Tags,
    #[sea_orm(string_value = "COMPANIES")]
    Companies,
    #[sea_orm(string_value = "DELETED")]
    Deleted,
    /// Not in the last complete list of the source.
    #[sea_orm(string_value = "ABSENT_FROM_SNAPSHOT")]
    AbsentFromSnapshot,
}

/// The aspect of a company that a version is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum CompanyAspect {
    #[sea_orm(string_value = "NAME")]
    Name,
    #[sea_orm(string_value = "PEOPLE")]
    People,
    #[sea_orm(string_value = "DELETED")]
    Deleted,
    /// Not in the last complete list of the source.
    #[sea_orm(string_value = "ABSENT_FROM_SNAPSHOT")]
    AbsentFromSnapshot,
}

/// The kind of an offering.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum OfferingKind {
    #[sea_orm(string_value = "MEMBERSHIP")]
    Membership,
    #[sea_orm(string_value = "BILLING_ITEM")]
    BillingItem,
    #[sea_orm(string_value = "CLASS")]
    Class,
    #[sea_orm(string_value = "APPOINTMENT")]
    Appointment,
    #[sea_orm(string_value = "COURSE")]
    Course,
    #[sea_orm(string_value = "ROOM")]
    Room,
    #[sea_orm(string_value = "DESK")]
    Desk,
    #[sea_orm(string_value = "OFFICE")]
    Office,
    #[sea_orm(string_value = "EQUIPMENT")]
    Equipment,
    #[sea_orm(string_value = "PARKING")]
    Parking,
    #[sea_orm(string_value = "RESOURCE")]
    Resource,
}

/// The kind of an entitlement.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum EntitlementKind {
    #[sea_orm(string_value = "MEMBERSHIP")]
    Membership,
    #[sea_orm(string_value = "REGISTRATION")]
    Registration,
    #[sea_orm(string_value = "PURCHASE")]
    Purchase,
}

/// Why a membership is blocked.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum BlockReason {
    #[sea_orm(string_value = "PAYMENT_FAILED")]
    PaymentFailed,
    #[sea_orm(string_value = "PAYMENT_RETRYING")]
    PaymentRetrying,
    #[sea_orm(string_value = "MANUAL")]
    Manual,
}

/// How a person other than the holder takes part in an entitlement.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Part {
    #[sea_orm(string_value = "SHARED")]
    Shared,
    #[sea_orm(string_value = "GUEST")]
    Guest,
}

/// The kind of a rule target.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum TargetKind {
    #[sea_orm(string_value = "GROUP")]
    Group,
    #[sea_orm(string_value = "LOCK")]
    Lock,
}

/// The extent of an access grant.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum ScopeKind {
    #[sea_orm(string_value = "GROUP")]
    Group,
    #[sea_orm(string_value = "LOCK")]
    Lock,
    #[sea_orm(string_value = "PLACE")]
    Place,
    #[sea_orm(string_value = "ACCOUNT")]
    Account,
}

/// The state of a grant, as the API shows it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum GrantState {
    #[sea_orm(string_value = "PENDING")]
    Pending,
    #[sea_orm(string_value = "CONFIRMED")]
    Confirmed,
    #[sea_orm(string_value = "UNKNOWN")]
    Unknown,
    #[sea_orm(string_value = "REVOKING")]
    Revoking,
    #[sea_orm(string_value = "HELD")]
    Held,
    #[sea_orm(string_value = "FAILED")]
    Failed,
}

/// The change of a grant that was or is about to be sent to Kisi.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Intent {
    #[sea_orm(string_value = "NONE")]
    None,
    #[sea_orm(string_value = "CREATE")]
    Create,
    #[sea_orm(string_value = "CHANGE")]
    Change,
    #[sea_orm(string_value = "DELETE")]
    Delete,
}

/// How the brake treats revocations of a cause.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum BrakePolicy {
    /// Held where the cause would take more than the club allows.
    #[sea_orm(string_value = "ENFORCE")]
    Enforce,
    /// One person by name: never held, but counted.
    #[sea_orm(string_value = "EXEMPT")]
    Exempt,
    /// Approved by an admin beforehand: neither held nor counted.
    #[sea_orm(string_value = "PREAPPROVED")]
    Preapproved,
}

/// The state of access that would be lost early.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum RevocationState {
    #[sea_orm(string_value = "ASKED")]
    Asked,
    #[sea_orm(string_value = "HELD")]
    Held,
    #[sea_orm(string_value = "PASSED")]
    Passed,
    #[sea_orm(string_value = "APPROVED")]
    Approved,
    #[sea_orm(string_value = "DISMISSED")]
    Dismissed,
    #[sea_orm(string_value = "COUNTED")]
    Counted,
}

/// The state of a delivery.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum DeliveryStatus {
    #[sea_orm(string_value = "ACCEPTED")]
    Accepted,
    #[sea_orm(string_value = "SETTLED")]
    Settled,
    #[sea_orm(string_value = "HELD")]
    Held,
    #[sea_orm(string_value = "IGNORED")]
    Ignored,
    #[sea_orm(string_value = "FAILED")]
    Failed,
}

/// How far a member's erasure has come.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum ErasureState {
    /// The member's access in Kisi is being taken away.
    #[sea_orm(string_value = "ENDING_ACCESS")]
    EndingAccess,
    #[sea_orm(string_value = "ERASED")]
    Erased,
}

/// Why the body of a delivery is no longer stored.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum BodyRemoval {
    /// It was kept for the configured time.
    #[sea_orm(string_value = "EXPIRED")]
    Expired,
    /// It named a person who was erased.
    #[sea_orm(string_value = "ERASED")]
    Erased,
}

/// The kind of a history event.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum HistoryKind {
    #[sea_orm(string_value = "GRANTED")]
    Granted,
    #[sea_orm(string_value = "ADOPTED")]
    Adopted,
    #[sea_orm(string_value = "CHANGED")]
    Changed,
    #[sea_orm(string_value = "REVOKED")]
    Revoked,
    #[sea_orm(string_value = "HELD")]
    Held,
    #[sea_orm(string_value = "REFUSED_BY_KISI")]
    RefusedByKisi,
    #[sea_orm(string_value = "DRIFT_FOUND")]
    DriftFound,
    #[sea_orm(string_value = "UNLOCKED")]
    Unlocked,
    #[sea_orm(string_value = "UNLOCK_DENIED")]
    UnlockDenied,
    #[sea_orm(string_value = "SHARED")]
    Shared,
    #[sea_orm(string_value = "SHARE_ENDED")]
    ShareEnded,
    #[sea_orm(string_value = "SUSPENDED")]
    Suspended,
    #[sea_orm(string_value = "RESUMED")]
    Resumed,
    #[sea_orm(string_value = "RULE_CHANGED")]
    RuleChanged,
    #[sea_orm(string_value = "REVOCATIONS_DECIDED")]
    RevocationsDecided,
    #[sea_orm(string_value = "CLUB_CHANGED")]
    ClubChanged,
    #[sea_orm(string_value = "KISI_CHANGED")]
    KisiChanged,
    #[sea_orm(string_value = "SOURCE_CHANGED")]
    SourceChanged,
    #[sea_orm(string_value = "TOKEN_CHANGED")]
    TokenChanged,
    #[sea_orm(string_value = "WEBHOOKS_CHANGED")]
    WebhooksChanged,
}

/// The type of an event that is sent to a club's endpoints, as it is named in the message.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum OutboundEvent {
    #[sea_orm(string_value = "access.changed")]
    AccessChanged,
    #[sea_orm(string_value = "door.unlocked")]
    DoorUnlocked,
    #[sea_orm(string_value = "door.denied")]
    DoorDenied,
    #[sea_orm(string_value = "revocation.held")]
    RevocationHeld,
    #[sea_orm(string_value = "source.problem")]
    SourceProblem,
    #[sea_orm(string_value = "account.problem")]
    AccountProblem,
    /// Sent when an admin asks for it, whatever the endpoint subscribes to.
    #[sea_orm(string_value = "endpoint.test")]
    EndpointTest,
}

/// Whether messages are sent to an endpoint.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum EndpointStatus {
    #[sea_orm(string_value = "ACTIVE")]
    Active,
    /// An admin paused it: messages wait.
    #[sea_orm(string_value = "PAUSED")]
    Paused,
    /// It answered 410 Gone: no messages are made for it until an admin activates it again.
    #[sea_orm(string_value = "GONE")]
    Gone,
    /// An admin removed it.
    #[sea_orm(string_value = "REMOVED")]
    Removed,
}

/// The state of a message to an endpoint.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum MessageStatus {
    #[sea_orm(string_value = "WAITING")]
    Waiting,
    #[sea_orm(string_value = "DELIVERED")]
    Delivered,
    /// All attempts failed.
    #[sea_orm(string_value = "FAILED")]
    Failed,
    /// Its endpoint was removed or is gone.
    #[sea_orm(string_value = "CANCELLED")]
    Cancelled,
}

/// The state of an unlock request.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum UnlockState {
    /// No process has taken it yet.
    #[sea_orm(string_value = "ASKED")]
    Asked,
    /// A process has taken it, and may have sent it.
    #[sea_orm(string_value = "TAKEN")]
    Taken,
    #[sea_orm(string_value = "UNLOCKED")]
    Unlocked,
    /// The rules refused it.
    #[sea_orm(string_value = "DENIED")]
    Denied,
    /// The club restricts unlocking to people with an active membership.
    #[sea_orm(string_value = "NOT_VISIBLE")]
    NotVisible,
    /// Kisi refused it.
    #[sea_orm(string_value = "REFUSED")]
    Refused,
    /// Kisi rejected the API key of the account.
    #[sea_orm(string_value = "UNAUTHORIZED")]
    Unauthorized,
    /// Kisi was not reached, so nothing happened.
    #[sea_orm(string_value = "NOT_SENT")]
    NotSent,
    /// The door may have opened.
    #[sea_orm(string_value = "UNKNOWN")]
    Unknown,
}
