// What the page of tokens asks and does.
import { graphql } from "../../gql";

export const TokenList = graphql(`
  query TokenList {
    tokens(first: 250) {
      totalCount
      nodes {
        name
        role
        createdAt
        expiresAt
      }
    }
  }
`);

export const CreateToken = graphql(`
  mutation CreateToken($input: CreateTokenInput!) {
    createToken(input: $input) {
      token
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const RevokeToken = graphql(`
  mutation RevokeToken($name: String!) {
    revokeToken(input: { name: $name }) {
      revoked
      userErrors {
        code
        message
        field
      }
    }
  }
`);
