-- The 2x2x2 of the three labels, over the traces decided on all of them.
-- param judge = '': only this judge; all where empty
SELECT judge, scheming, roleplay, phrasing, traces, round(share, 3) AS share, decided, undecided
FROM overlap
WHERE $judge = '' OR judge = $judge
ORDER BY judge, scheming DESC, roleplay DESC, phrasing DESC;
