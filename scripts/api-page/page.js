// Swagger UI for the description next to this page. It contacts no validator and no other host.

const user = { username: "demo", password: "demo" };

// Swagger UI has no setting for the user name of a password flow.
const demoUser = () => ({
  wrapComponents: {
    oauth2: (Original) =>
      class extends Original {
        constructor(...parts) {
          super(...parts);
          this.state = { ...this.state, ...user };
        }

        componentDidMount() {
          for (const [name, value] of Object.entries(user)) {
            const input = document.getElementById(`oauth_${name}`);
            if (input) input.value = value;
          }
        }
      },
  },
});

// Swagger UI fills in an example of each parameter. `at` is left empty, because it contradicts a range.
const rangeAlone = () => ({
  wrapComponents: {
    parameterRow: (Original) =>
      class extends Original {
        constructor(...parts) {
          super(...parts);
          const fillIn = this.setDefaultValue;
          this.setDefaultValue = () => this.props.rawParam.get("name") === "at" || fillIn();
        }
      },
  },
});

/** Gives each route a token of the demo user, so that it can be tried at once. */
async function signIn() {
  const login = document.getElementById("login");
  try {
    const form = { grant_type: "password", ...user };
    const answer = await fetch("/issuer/token", { method: "POST", body: new URLSearchParams(form) });
    if (!answer.ok) throw new Error(`The issuer answered ${answer.status}.`);
    const { access_token } = await answer.json();
    ui.preauthorizeApiKey("token", access_token);
    login.textContent = "You are signed in as the demo user, for an hour.";
  } catch {
    login.textContent = "The demo sign-in failed: press Authorize first.";
  }
}

const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  tryItOutEnabled: true,
  onComplete: () => void signIn(),
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  plugins: [demoUser, rangeAlone],
});
ui.initOAuth({ clientId: "api-page", scopes: "calendly:read" });
