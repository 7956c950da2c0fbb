//! The settings of a suite in the reference's terms: shared by the broken gates and by the gate that is embedded in the program.

use gatecheck::corpus::{PublicKeys, Settings};
use gatecheck::deploy::Deployment;
use rolegate::claims::RolePath;
use rolegate::edge::{CountrySource, Edge};
use rolegate::token::{Algorithm, Keys, TokenSettings};
use rolegate_keys::{Algorithms, jwks};

/// Whom the reference is told to believe about a visitor.
///
/// # Errors
/// A network that cannot be read, with the reason.
pub fn edge(deployment: &Deployment<'_>) -> Result<Edge, String> {
    let settings = &deployment.settings;
    let trusted = settings.trusted_proxy.iter().map(|network| network.parse().map_err(|error| format!("{error}")));
    Ok(Edge {
        trusted: trusted.collect::<Result<_, String>>()?,
        country: settings.country_header.clone().map_or(CountrySource::Unknown, CountrySource::Header),
        ..Edge::default()
    })
}

/// The keys of a suite, as the reference takes them.
///
/// # Errors
/// The reason why the reference does not take them.
pub fn keys(settings: &Settings) -> Result<Keys, String> {
    let algorithms = settings.algorithms.iter().map(|name| name.parse::<Algorithm>());
    let algorithms = Algorithms::only(algorithms.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?);
    match &settings.public {
        None => Keys::hs256(settings.secret.as_bytes()).map_err(|error| error.to_string()),
        Some(PublicKeys::Pem(text)) => {
            rolegate_keys::from_pem(text.as_bytes(), &algorithms).map_err(|error| format!("the PEM text: {error}"))
        }
        Some(PublicKeys::Jwks(text)) => match jwks::parse(text.as_bytes(), &algorithms) {
            Ok(set) => Ok(set.keys),
            Err(error) => Err(format!("the JWKS document: {error}")),
        },
    }
}

/// How the reference reads the tokens of a suite.
///
/// # Errors
/// A role path that cannot be read, with the reason.
pub fn token_settings(settings: &Settings) -> Result<TokenSettings, String> {
    let role_path: RolePath = settings.role_path.parse().map_err(|error| format!("role path: {error}"))?;
    Ok(TokenSettings {
        role_path,
        audiences: settings.audience.iter().cloned().collect(),
        issuer: settings.issuer.clone(),
        ..TokenSettings::default()
    })
}
