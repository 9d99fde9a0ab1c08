// What the set-up changes.
import { graphql } from "../../gql";

export const ConnectKisi = graphql(`
  mutation ConnectKisi($input: ConnectKisiInput!) {
    connectKisi(input: $input) {
      account { id name }
      userErrors { code message field }
    }
  }
`);

export const UpdateKisiCredentials = graphql(`
  mutation UpdateKisiCredentials($input: UpdateKisiAccountInput!) {
    updateKisiAccount(input: $input) {
      account { id name }
      userErrors { code message field }
    }
  }
`);

export const ListenToKisi = graphql(`
  mutation ListenToKisi($account: ID!, $publicUrl: String) {
    listenToKisi(input: { account: $account, publicUrl: $publicUrl }) {
      account { id listening }
      userErrors { code message field }
    }
  }
`);

export const StartManaging = graphql(`
  mutation StartManaging($input: ManageGroupInput!, $basedOn: String) {
    manageGroup(input: $input, basedOn: $basedOn) {
      group { id managed }
      userErrors { code message field }
    }
  }
`);

export const SetupSource = graphql(`
  mutation SetupSource($input: CreateSourceInput!) {
    createSource(input: $input) {
      source { id name platform signature webhookUrl webhookPath }
      secret
      userErrors { code message field }
    }
  }
`);

export const SetupReadSource = graphql(`
  mutation SetupReadSource($source: ID!) {
    readSource(input: { source: $source }) {
      source { id lastReadAt }
      userErrors { code message field }
    }
  }
`);

export const SetupSourceSecret = graphql(`
  mutation SetupSourceSecret($source: ID!, $secret: String) {
    rotateSourceSecret(input: { source: $source, secret: $secret, keepOldFor: "PT0S" }) {
      source { id }
      secret
      userErrors { code message field }
    }
  }
`);
