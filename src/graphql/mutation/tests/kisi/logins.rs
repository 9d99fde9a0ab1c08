//! Tests of the API logins that connecting creates in Kisi.

use super::{PASSWORD, TestClub, by_login, connect_kisi, refusal};

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
