//! Tests of the API logins that connecting creates in Kisi.

use super::{CONNECT, PASSWORD, TestClub, by_login, refusal};

/// Kisi allows ten API logins per person, so refused connections must not use them up.
#[tokio::test]
async fn a_refused_connection_leaves_no_login_behind() {
    let house = TestClub::new().await;
    let input = || by_login(PASSWORD, None);
    house
        .good(
            "connectKisi",
            "account { id }",
            &[("input", CONNECT, input())],
        )
        .await;
    for _ in 0..12 {
        let answer = house
            .refused("connectKisi", &[("input", CONNECT, input())])
            .await;
        assert_eq!(answer, refusal("ALREADY_EXISTS", "input.credentials"));
    }
}
