<?php
// A token endpoint for Order Chat: it tells the chat who is signed in at the marketplace.
//
// Needs nothing but PHP 8, and the secret the chat verifies with in ORDER_CHAT_JWT_SECRET. Your log-in
// must have put the user's id into $_SESSION['user_id']; never take it from the query or the body.

declare(strict_types=1);

/** How long (s) a token is good. Pages fetch a new one whenever they need it. */
const LIFETIME_S = 900;

function encoded(string $part): string
{
    return rtrim(strtr(base64_encode($part), '+/', '-_'), '=');
}

/** A token that says its bearer is $userId. */
function token_for(string $userId, string $secret): string
{
    $now = time();
    $claims = ['sub' => $userId, 'aud' => 'order-chat', 'iat' => $now, 'exp' => $now + LIFETIME_S];
    $signed = encoded('{"alg":"HS256","typ":"JWT"}') . '.'
        . encoded(json_encode($claims, JSON_THROW_ON_ERROR));
    return $signed . '.' . encoded(hash_hmac('sha256', $signed, $secret, true));
}

$secret = getenv('ORDER_CHAT_JWT_SECRET');
if ($secret === false || strlen($secret) < 32) {
    http_response_code(500);
    exit;
}
session_start();
$userId = $_SESSION['user_id'] ?? null;
session_write_close();
header('Cache-Control: no-store');
if ($userId === null) {
    http_response_code(401);
    exit;
}
header('Content-Type: application/json');
echo json_encode(['token' => token_for((string) $userId, $secret)], JSON_THROW_ON_ERROR);
