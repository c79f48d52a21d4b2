select name, origin from watch.settings_by_hand() order by name
