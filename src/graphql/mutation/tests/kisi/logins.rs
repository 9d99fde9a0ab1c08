//! Tests of the API logins that connecting creates in Kisi.

use latchkey_sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use super::{DOMAIN, PASSWORD, TestClub, by_login, connect_kisi, refusal, update_kisi_account};
use crate::id::{Kind, encode};

/// Kisi allows ten API logins per person, so refused connections must not use them up.
#[tokio::test]
async fn a_refused_connection_leaves_no_login_behind() {
    let house = TestClub::new().await;
    let input = || by_login(PASSWORD, None);
    house.good(connect_kisi(input())).await;
    for _ in 0..12 {
        let answer = house.refused(connect_kisi(input())).await;
        assert_eq!(answer, refusal("ALREADY_EXISTS", "input.credentials"));
    }
}

const OWNER: &str = "owner@example.com";

fn login(email: &str, password: &str, domain: &str) -> Value {
    let login = json!({ "email": email, "password": password, "domain": domain });
    json!({ "name": "House", "credentials": { "login": login } })
}

/// The code, the field and the message of a refused connection.
async fn refused(house: &TestClub, input: Value) -> [String; 3] {
    let payload = house.run(&connect_kisi(input)).await;
    let error = &payload["userErrors"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let path: Vec<String> = error["field"]
        .as_array()
        .unwrap()
        .iter()
        .map(text)
        .collect();
    [
        text(&error["code"]),
        path.join("."),
        text(&error["message"]),
    ]
}

fn says(refused: &[String; 3], code: &str, field: &str, words: &str) {
    assert_eq!((refused[0].as_str(), refused[1].as_str()), (code, field));
    assert!(refused[2].contains(words), "{}", refused[2]);
}

/// Kisi answers the same for all three, and what it tells everybody about the organization tells the domain apart.
#[tokio::test]
async fn a_wrong_domain_differs_from_a_wrong_address_or_password() {
    let house = TestClub::new().await;
    for domain in [
        "no-such-club",
        "https://example-club/",
        "..",
        "example-club/public?",
    ] {
        let wrong = refused(&house, login(OWNER, PASSWORD, domain)).await;
        let field = "input.credentials.login.domain";
        says(
            &wrong,
            "KISI_DOMAIN_UNKNOWN",
            field,
            "no organization with this domain",
        );
    }
    let wrong_address = refused(&house, login("nobody@example.com", PASSWORD, DOMAIN)).await;
    let wrong_password = refused(&house, login(OWNER, "wrong", DOMAIN)).await;
    says(
        &wrong_password,
        "KISI_UNAUTHORIZED",
        "input.credentials",
        "The domain is right, but the e-mail address or the password",
    );
    assert_eq!(
        wrong_address, wrong_password,
        "Kisi does not tell them apart"
    );
    assert!(!wrong_password[2].contains(OWNER));
}

#[tokio::test]
async fn single_sign_on_has_its_own_message_and_the_owner_may_log_in() {
    let house = TestClub::new().await;
    house.sandbox.add_user("manager@example.com", "Mia Manager");
    assert!(house.sandbox.set_password("manager@example.com", "secret"));
    house.sandbox.set_single_sign_on(true);
    let manager = refused(&house, login("manager@example.com", "secret", DOMAIN)).await;
    says(
        &manager,
        "KISI_SINGLE_SIGN_ON",
        "input.credentials.login",
        "only its owner can log in with a password",
    );
    house.good(connect_kisi(by_login(PASSWORD, None))).await;
}

#[tokio::test]
async fn somebody_without_rights_is_told_so() {
    let house = TestClub::new().await;
    house.sandbox.add_user("member@example.com", "Mo Member");
    assert!(house.sandbox.set_password("member@example.com", "secret"));
    let member = refused(&house, login("member@example.com", "secret", DOMAIN)).await;
    says(
        &member,
        "KISI_NOT_ADMIN",
        "input.credentials",
        "not an owner or administrator",
    );
}

/// The domain is only asked about after a refusal, and if Kisi does not tell, no reason is invented.
#[tokio::test]
async fn without_an_answer_about_the_domain_the_reason_stays_open() {
    let house = TestClub::new().await;
    for kind in [FaultKind::ServerError, FaultKind::Unauthorized] {
        house
            .sandbox
            .fault(Fault::new("GET", "/organizations", kind), 1);
        let open = refused(&house, login(OWNER, "wrong", DOMAIN)).await;
        says(
            &open,
            "KISI_UNAUTHORIZED",
            "input.credentials",
            "or the organization's domain is wrong",
        );
    }
    house.sandbox.clear_faults();
    house
        .sandbox
        .fault(Fault::new("POST", "/logins", FaultKind::ServerError), 1);
    let unreachable = refused(&house, login(OWNER, PASSWORD, "no-such-club")).await;
    says(
        &unreachable,
        "KISI_UNREACHABLE",
        "input.credentials",
        "cannot be reached",
    );
    let before = house.sandbox.calls().len();
    house.good(connect_kisi(by_login(PASSWORD, None))).await;
    let calls = house.sandbox.calls();
    let is_lookup = |path: &str| path.ends_with("/public");
    assert!(!calls[before..].iter().any(|call| is_lookup(&call.path)));
}

/// New credentials of a connected account have the same reasons.
#[tokio::test]
async fn an_update_of_the_credentials_has_the_same_reasons() {
    let house = TestClub::new().await;
    let account = house.connected().await;
    let account = encode(Kind::KisiAccount, account.id);
    let mut input = login(OWNER, PASSWORD, "no-such-club");
    let fields = input.as_object_mut().unwrap();
    fields.insert("account".to_owned(), json!(account));
    let refused = house.refused(update_kisi_account(input)).await;
    assert_eq!(
        refused,
        refusal("KISI_DOMAIN_UNKNOWN", "input.credentials.login.domain")
    );
}
