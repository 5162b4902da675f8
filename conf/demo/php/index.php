<?php
// A list of tasks, one for each user. It has no login of its own: httpd says who is there.
declare(strict_types=1);

const LONGEST = 200;

function escape(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

function moment(string $seconds): string
{
    return gmdate('Y-m-d H:i:s', (int)$seconds) . ' UTC';
}

/** Runs $change on the user's tasks, one request at a time, and returns them. */
function tasks(?callable $change = null): array
{
    $file = getenv('DEMO_DATA') . '/tasks-' . hash('sha256', $_SERVER['REMOTE_USER']) . '.json';
    $handle = fopen($file, 'c+');
    flock($handle, LOCK_EX);
    $tasks = json_decode(stream_get_contents($handle) ?: '[]', true);
    if ($change !== null) {
        $tasks = $change($tasks);
        ftruncate($handle, 0);
        rewind($handle);
        fwrite($handle, json_encode($tasks, JSON_INVALID_UTF8_SUBSTITUTE));
    }
    fclose($handle);
    return $tasks;
}

function obey(array $form): void
{
    $text = substr(trim((string)($form['task'] ?? '')), 0, LONGEST);
    $done = (string)($form['done'] ?? '');
    if ($text !== '') {
        tasks(fn (array $tasks) => $tasks + [bin2hex(random_bytes(8)) => $text]);
    } elseif ($done !== '') {
        tasks(fn (array $tasks) => array_diff_key($tasks, [$done => true]));
    }
}

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    obey($_POST);
    header('Location: /php/', true, 303);
    exit;
}
$user = escape($_SERVER['REMOTE_USER']);
?>
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tasks</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
<a href="/">Demo</a> <a href="/cgi/">Notes</a>
<form method="post" action="/logout"><button>Log out <?= $user ?></button></form>
</header>
<main>
<h1>Tasks of <?= $user ?></h1>
<form method="post" action="/php/">
<label for="task">A new task</label>
<input type="text" id="task" name="task" maxlength="<?= LONGEST ?>" required autocomplete="off">
<button>Add</button>
</form>
<ul>
<?php foreach (tasks() as $id => $text): ?>
<li><?= escape($text) ?>
<form method="post" action="/php/"><button name="done" value="<?= escape((string)$id) ?>"
aria-label="Done: <?= escape($text) ?>">Done</button></form></li>
<?php endforeach ?>
</ul>
<h2>What httpd told this application</h2>
<dl>
<dt>User</dt><dd><?= $user ?></dd>
<dt>Session</dt><dd><?= escape($_SERVER['SECSESSION_ID']) ?></dd>
<dt>Logged in</dt><dd><?= moment($_SERVER['SECSESSION_AUTHENTICATED']) ?></dd>
<dt>Ends at the latest</dt><dd><?= moment($_SERVER['SECSESSION_EXPIRES']) ?></dd>
<dt>Ends when idle for</dt><dd><?= escape($_SERVER['SECSESSION_IDLE']) ?> seconds</dd>
</dl>
</main>
</body>
</html>
